/* Scratch memory for kernels: aligned to a cache line, from the C heap, so that a parallel
 * region needs no Python object. */
#ifndef CNNFAST_MEMORY_H
#define CNNFAST_MEMORY_H

#include <stddef.h>
#include <stdlib.h>

#include "prefetch.h"

#if defined(_WIN32)
#include <malloc.h>
static inline float *allocate_floats(ptrdiff_t count)
{
    return (float *)_aligned_malloc((size_t)count * sizeof(float) + CACHE_LINE, CACHE_LINE);
}
static inline void release_floats(float *block) { _aligned_free(block); }
#else
static inline float *allocate_floats(ptrdiff_t count)
{
    void *block = NULL;
    return posix_memalign(&block, CACHE_LINE, (size_t)count * sizeof(float) + CACHE_LINE)
               ? NULL
               : (float *)block;
}
static inline void release_floats(float *block) { free(block); }
#endif

/* 128-byte steps keep the threads' parts off each other's cache lines and prefetch pairs. */
static inline ptrdiff_t padded_floats(ptrdiff_t count) { return (count + 31) / 32 * 32; }

#endif
