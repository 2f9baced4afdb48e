/* Activations: y[i] = f(x[i]), one pass, x and y equal or apart.
 *
 * Each is a vf -> vf function of up to three parameters; ACTIVATION makes the loop around it.
 */
#include "../kernels.h"

ALWAYS_INLINE vf linear(vf x, const float *p)
{
    (void)p;
    return x;
}

/* x above the threshold, slope * (x - threshold) below it, no more than p[1]. */
ALWAYS_INLINE vf relu(vf x, const float *p)
{
    const vf threshold = vf_set(p[2]);
    const vf below = vf_mul(vf_set(p[0]), vf_sub(x, threshold));
    return vf_min(vf_set(p[1]), vf_select(vf_less(x, threshold), below, x));
}

#define ACTIVATION(name)                                                                         \
    static void activation_##name(const float *x, float *y, ptrdiff_t n, const float *p)         \
    {                                                                                            \
        ptrdiff_t i = 0;                                                                         \
        for (; i + LANES <= n; i += LANES) vf_store(y + i, name(vf_load(x + i), p));             \
        if (i < n) vf_store_n(y + i, name(vf_load_n(x + i, n - i, 0.0f), p), n - i);             \
    }
#include "../kernels.inc"
#undef ACTIVATION
