/* Portable C, 4 lanes: what base means on an architecture that has no header of its own.
 *
 * There is no fused multiply-add: a product is rounded before it is added.
 */
#include <math.h>
#include <string.h>

#define LANES 4
#define GEMM_ROWS 4

typedef struct { float lane[4]; } vf;
typedef struct { int lane[4]; } vm;

#define EACH_LANE(expression)                                                                    \
    vf out;                                                                                      \
    for (int i = 0; i < 4; i++) out.lane[i] = (expression);                                      \
    return out
#define EACH_MASK(expression)                                                                    \
    vm out;                                                                                      \
    for (int i = 0; i < 4; i++) out.lane[i] = (expression);                                      \
    return out

ALWAYS_INLINE vf vf_set(float x) { EACH_LANE(x); }
ALWAYS_INLINE vf vf_zero(void) { return vf_set(0.0f); }
ALWAYS_INLINE vf vf_load(const float *p) { EACH_LANE(p[i]); }
ALWAYS_INLINE void vf_store(float *p, vf v) { memcpy(p, v.lane, sizeof v.lane); }
ALWAYS_INLINE vf vf_load_n(const float *p, ptrdiff_t n, float fill)
{
    vf out = vf_set(fill);
    for (int i = 0; i < 4; i++)
        if (i < n) out.lane[i] = p[i];
    return out;
}
ALWAYS_INLINE void vf_store_n(float *p, vf v, ptrdiff_t n)
{
    for (int i = 0; i < 4; i++)
        if (i < n) p[i] = v.lane[i];
}

ALWAYS_INLINE vf vf_add(vf a, vf b) { EACH_LANE(a.lane[i] + b.lane[i]); }
ALWAYS_INLINE vf vf_sub(vf a, vf b) { EACH_LANE(a.lane[i] - b.lane[i]); }
ALWAYS_INLINE vf vf_mul(vf a, vf b) { EACH_LANE(a.lane[i] * b.lane[i]); }
ALWAYS_INLINE vf vf_div(vf a, vf b) { EACH_LANE(a.lane[i] / b.lane[i]); }
ALWAYS_INLINE vf vf_sqrt(vf a) { EACH_LANE(sqrtf(a.lane[i])); }
ALWAYS_INLINE vf vf_abs(vf a) { EACH_LANE(fabsf(a.lane[i])); }
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { EACH_LANE(a.lane[i] * b.lane[i] + c.lane[i]); }
ALWAYS_INLINE vf vf_fnma(vf a, vf b, vf c) { EACH_LANE(c.lane[i] - a.lane[i] * b.lane[i]); }
ALWAYS_INLINE vf vf_max(vf a, vf b) { EACH_LANE(a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]); }
ALWAYS_INLINE vf vf_min(vf a, vf b) { EACH_LANE(a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]); }

/* Adding and taking away 1.5 * 2^23 leaves the nearest even integer, for |x| <= 2^22. Beyond,
 * floats that large are integers in every use here (exponents and clamped arguments). */
ALWAYS_INLINE vf vf_round(vf a)
{
    const vf shift = vf_set(12582912.0f);
    return vf_sub(vf_add(a, shift), shift);
}

ALWAYS_INLINE vm vf_less(vf a, vf b) { EACH_MASK(a.lane[i] < b.lane[i]); }
ALWAYS_INLINE vm vf_less_equal(vf a, vf b) { EACH_MASK(a.lane[i] <= b.lane[i]); }
ALWAYS_INLINE vf vf_select(vm m, vf a, vf b) { EACH_LANE(m.lane[i] ? a.lane[i] : b.lane[i]); }

ALWAYS_INLINE float float_from_bits(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
ALWAYS_INLINE uint32_t bits_of_float(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
ALWAYS_INLINE uint32_t vf_nonzero(vf v)
{
    uint32_t bits = 0;
    for (int i = 0; i < 4; i++) bits |= (uint32_t)(v.lane[i] != 0.0f) << i;
    return bits;
}

ALWAYS_INLINE vf vf_scale(vf v, vf n)
{
    EACH_LANE(v.lane[i] * float_from_bits((uint32_t)((int32_t)n.lane[i] + 127) << 23));
}
ALWAYS_INLINE vf vf_exponent(vf v)
{
    EACH_LANE((float)((int32_t)(bits_of_float(v.lane[i]) >> 23) - 127));
}
ALWAYS_INLINE vf vf_mantissa(vf v)
{
    EACH_LANE(float_from_bits((bits_of_float(v.lane[i]) & 0x007fffffu) | 0x3f800000u));
}

ALWAYS_INLINE vf vf_from_int(const int32_t *p) { EACH_LANE((float)p[i]); }

ALWAYS_INLINE void vf_transpose(vf *v)
{
    for (int i = 0; i < LANES; i++)
        for (int j = 0; j < i; j++) {
            const float kept = v[i].lane[j];
            v[i].lane[j] = v[j].lane[i];
            v[j].lane[i] = kept;
        }
}

ALWAYS_INLINE float vf_sum(vf v)
{
    return (v.lane[0] + v.lane[2]) + (v.lane[1] + v.lane[3]);
}
ALWAYS_INLINE float vf_maximum(vf v)
{
    vf x = vf_max(v, (vf){{v.lane[2], v.lane[3], v.lane[0], v.lane[1]}});
    return x.lane[0] > x.lane[1] ? x.lane[0] : x.lane[1];
}
