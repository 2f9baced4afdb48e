/* The machine's own limit: independent fused multiply-adds from registers, nothing else.
 *
 * 12 chains cover latency 4 on two pipes and fit the 16 registers of AVX2 and base. Returns
 * floating-point operations done. The chains end up in the return value, as nothing, so that
 * no compiler can drop them: they converge to 1 and their sum is never negative.
 */
#include "../kernels.h"
#include "repeat.h"

#define PEAK_START(i) vf chain##i = vf_set((float)i);
#define PEAK_STEP(i) chain##i = vf_fma(chain##i, factor, addend);
#define PEAK_TOTAL(i) total = vf_add(total, chain##i);

static double fma_peak(ptrdiff_t iterations)
{
    const vf factor = vf_set(0.999f), addend = vf_set(0.001f);
    vf total = vf_zero();
    REPEAT_12(PEAK_START)
    for (ptrdiff_t k = 0; k < iterations; k++) {
        REPEAT_12(PEAK_STEP)
    }
    REPEAT_12(PEAK_TOTAL)
    return 2.0 * 12 * LANES * (double)iterations + (vf_sum(total) < 0.0f);
}
