/* What the CPU and the operating system allow, and the names in the table.
 * Compiled without any instruction-set flag:
 * this code must run on the oldest machine. */
#include "kernels.h"

const char *const activation_names[] = {
#define ACTIVATION(name) #name,
#include "kernels.inc"
#undef ACTIVATION
};

const char *const update_names[] = {
#define UPDATE(name, states) #name,
#include "kernels.inc"
#undef UPDATE
};

const int update_states[] = {
#define UPDATE(name, states) states,
#include "kernels.inc"
#undef UPDATE
};

const int replay_moves[UPDATES] = {
#define REPLAY(name, moves) [UPDATE_##name] = moves,
#include "kernels.inc"
#undef REPLAY
};

#if defined(__x86_64__) || defined(_M_X64)

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
static void cpuid(int leaf, int subleaf, unsigned r[4]) { __cpuidex((int *)r, leaf, subleaf); }
static uint64_t enabled_state(void) { return _xgetbv(0); }
#else
#include <cpuid.h>
static void cpuid(int leaf, int subleaf, unsigned r[4])
{
    __cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
}
static uint64_t enabled_state(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}
#endif

enum { EAX, EBX, ECX, EDX };
#define BIT(n) (1u << (n))

/* Leaf 1 ECX: FMA 12, XSAVE in use 27, AVX 28, F16C 29. Leaf 7 EBX: AVX2 5. XCR0: SSE 1, AVX 2. */
int cpu_has_avx2(void)
{
    const unsigned need = BIT(12) | BIT(27) | BIT(28) | BIT(29);
    unsigned r[4];
    cpuid(0, 0, r);
    if (r[EAX] < 7) return 0;
    cpuid(1, 0, r);
    if ((r[ECX] & need) != need) return 0;
    if ((enabled_state() & 0x6) != 0x6) return 0;
    cpuid(7, 0, r);
    return (r[EBX] & BIT(5)) != 0;
}

/* Leaf 7 EBX: F 16, DQ 17, CD 28, BW 30, VL 31. XCR0: mask registers 5, upper zmm 6, zmm16+ 7. */
int cpu_has_avx512(void)
{
    const unsigned need = BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31);
    unsigned r[4];
    if (!cpu_has_avx2() || (enabled_state() & 0xe6) != 0xe6) return 0;
    cpuid(7, 0, r);
    return (r[EBX] & need) == need;
}

int cpu_has_neon(void) { return 0; }

#else

int cpu_has_avx2(void) { return 0; }
int cpu_has_avx512(void) { return 0; }
#if defined(__aarch64__) || defined(_M_ARM64)
int cpu_has_neon(void) { return 1; } /* Advanced SIMD is part of the architecture. */
#else
int cpu_has_neon(void) { return 0; }
#endif

#endif
