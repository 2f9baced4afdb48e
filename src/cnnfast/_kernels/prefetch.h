/* Ask for memory that will be read soon. */
#ifndef CNNFAST_PREFETCH_H
#define CNNFAST_PREFETCH_H

#include <stddef.h>

#define CACHE_LINE 64

#if defined(__GNUC__) || defined(__clang__)
#define PREFETCH(p) __builtin_prefetch(p)
#define PREFETCH_FAR(p) __builtin_prefetch(p, 0, 2)
#elif defined(_M_X64)
#include <xmmintrin.h>
#define PREFETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)
#define PREFETCH_FAR(p) _mm_prefetch((const char *)(p), _MM_HINT_T1)
#else
#define PREFETCH(p) ((void)(p))
#define PREFETCH_FAR(p) ((void)(p))
#endif
static inline void prefetch_floats(const float *p, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < count; i += CACHE_LINE / (ptrdiff_t)sizeof(float)) PREFETCH(p + i);
}

/* Into L2 only. */
static inline void prefetch_floats_far(const float *p, ptrdiff_t count)
{
    const ptrdiff_t line = CACHE_LINE / (ptrdiff_t)sizeof(float);
    for (ptrdiff_t i = 0; i < count; i += line) PREFETCH_FAR(p + i);
}

#endif
