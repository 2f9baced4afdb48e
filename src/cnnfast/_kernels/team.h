/* What the threads of one parallel region say to each other; nothing where there is no OpenMP.
 * Not atomics but what every compiler's OpenMP has, MSVC's included; a thread asks once a group
 * of images, which takes a thousand times as long. */
#ifndef CNNFAST_TEAM_H
#define CNNFAST_TEAM_H

#include <stddef.h>

#ifdef _OPENMP
#include <omp.h>
static inline int team_size(void) { return omp_get_num_threads(); }
static inline int team_place(void) { return omp_get_thread_num(); }
#else
static inline int team_size(void) { return 1; }
static inline int team_place(void) { return 0; }
#endif

/* Wait until every thread of the region is here and sees what the others wrote. */
static inline void team_meet(void)
{
#ifdef _OPENMP
#pragma omp barrier
#endif
}

/* Return a number that no thread got before: 0, 1, 2 and so on. */
static inline ptrdiff_t team_take(ptrdiff_t *counter)
{
    ptrdiff_t taken;
#ifdef _OPENMP
#pragma omp critical(cnnfast_team)
#endif
    taken = (*counter)++;
    return taken;
}

#endif
