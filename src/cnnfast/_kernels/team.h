/* What the threads of one parallel region say to each other; nothing where there is no OpenMP. */
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

/* Return a number that no thread got before: 0, 1, 2 and so on. Not an atomic but what every
 * compiler's OpenMP has; a thread asks once a group of images, which takes a thousand times as
 * long. */
static inline ptrdiff_t team_take(ptrdiff_t *counter)
{
    ptrdiff_t taken;
#ifdef _OPENMP
#pragma omp critical(cnnfast_team)
#endif
    taken = (*counter)++;
    return taken;
}

/* Atomics, where threads wait for work rather than for each other. MSVC's C has none. */
#ifdef _MSC_VER
#include <intrin.h>
__declspec(dllimport) int __stdcall SwitchToThread(void);
static inline long team_add(long *counter) { return _InterlockedExchangeAdd(counter, 1); }
static inline long team_read(const long *number) { return _InterlockedOr((long *)number, 0); }
#if defined(_M_ARM64)
static inline void team_pause(void) { __yield(); }
#else
static inline void team_pause(void) { _mm_pause(); }
#endif
static inline void team_yield(void) { SwitchToThread(); }
#else
#include <sched.h>
/* Add 1 and return what was there. Who sees it sees all that was written before. */
static inline long team_add(long *counter)
{
    return __atomic_fetch_add(counter, 1, __ATOMIC_ACQ_REL);
}
static inline long team_read(const long *number)
{
    return __atomic_load_n(number, __ATOMIC_ACQUIRE);
}
static inline void team_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}
static inline void team_yield(void) { sched_yield(); }
#endif

/* Some 200 microseconds: longer than most units take, shorter than what a system lets others run
 * when asked to. */
#define TEAM_PATIENCE 10000

/* Wait until a number is no longer 0. */
static inline void team_wait(const long *number)
{
    for (long waited = 0; !team_read(number); waited++) {
        if (waited < TEAM_PATIENCE)
            team_pause();
        else
            team_yield();
    }
}

#endif
