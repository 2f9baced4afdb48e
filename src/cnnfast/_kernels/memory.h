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
/* Linux gives pages of 2 MB to who asks: with the usual 4 KB, streams of weights spend a
 * twentieth of their time on address translation. */
#if defined(__linux__)
#include <sys/mman.h>
#endif
#define HUGE_PAGE ((size_t)2 << 20)

static inline float *allocate_floats(ptrdiff_t count)
{
    size_t size = (size_t)count * sizeof(float) + CACHE_LINE;
    int is_huge = size >= 2 * HUGE_PAGE;
    void *block = NULL;
    if (posix_memalign(&block, is_huge ? HUGE_PAGE : CACHE_LINE, size)) return NULL;
#if defined(MADV_HUGEPAGE)
    if (is_huge) madvise(block, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return (float *)block;
}
static inline void release_floats(float *block) { free(block); }
#endif

/* 128-byte steps keep the threads' parts off each other's cache lines and prefetch pairs. */
static inline ptrdiff_t padded_floats(ptrdiff_t count) { return (count + 31) / 32 * 32; }

#endif
