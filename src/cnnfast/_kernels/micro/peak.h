/* The machine's own limit: independent fused multiply-adds from registers, nothing else.
 *
 * 20 chains cover latency 4 on two pipes with room; base and AVX2 have 16 registers, so 12.
 * Returns floating-point operations done. The result of the chains is folded into the return
 * value as an addend of zero, so that no compiler can drop them.
 */
#include "../kernels.h"

#if GEMM_ROWS == 14
#define PEAK_CHAINS 20
#else
#define PEAK_CHAINS 12
#endif

static double fma_peak(ptrdiff_t iterations)
{
    vf chain[PEAK_CHAINS];
    const vf factor = vf_set(0.999f), addend = vf_set(0.001f);
    for (int i = 0; i < PEAK_CHAINS; i++) chain[i] = vf_set((float)i);
    for (ptrdiff_t k = 0; k < iterations; k++)
        for (int i = 0; i < PEAK_CHAINS; i++) chain[i] = vf_fma(chain[i], factor, addend);
    vf total = vf_zero();
    for (int i = 0; i < PEAK_CHAINS; i++) total = vf_add(total, chain[i]);
    return 2.0 * PEAK_CHAINS * LANES * (double)iterations + (vf_sum(total) < 0.0f);
}
