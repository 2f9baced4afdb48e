/* NEON (AArch64 Advanced SIMD, always present there): 4 lanes, 32 registers. */
#include <arm_neon.h>
#include <string.h>

#define LANES 4
/* 8 rows x 2 vectors = 16 accumulators; four FMA pipes of latency 4 want as many in flight. */
#define GEMM_ROWS 8

typedef float32x4_t vf;
typedef uint32x4_t vm;

ALWAYS_INLINE vf vf_zero(void) { return vdupq_n_f32(0.0f); }
ALWAYS_INLINE vf vf_set(float x) { return vdupq_n_f32(x); }
ALWAYS_INLINE vf vf_load(const float *p) { return vld1q_f32(p); }
ALWAYS_INLINE void vf_store(float *p, vf v) { vst1q_f32(p, v); }
ALWAYS_INLINE vf vf_load_n(const float *p, ptrdiff_t n, float fill)
{
    float lanes[4] = {fill, fill, fill, fill};
    memcpy(lanes, p, (size_t)n * sizeof(float));
    return vld1q_f32(lanes);
}
ALWAYS_INLINE void vf_store_n(float *p, vf v, ptrdiff_t n)
{
    float lanes[4];
    vst1q_f32(lanes, v);
    memcpy(p, lanes, (size_t)n * sizeof(float));
}

ALWAYS_INLINE vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
ALWAYS_INLINE vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
ALWAYS_INLINE vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
ALWAYS_INLINE vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
ALWAYS_INLINE vf vf_sqrt(vf a) { return vsqrtq_f32(a); }
ALWAYS_INLINE vf vf_abs(vf a) { return vabsq_f32(a); }
ALWAYS_INLINE vf vf_round(vf a) { return vrndnq_f32(a); }
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
ALWAYS_INLINE vf vf_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
/* FMAX and FMIN give NaN where either operand is NaN; x86 gives the second. Select does too. */
ALWAYS_INLINE vf vf_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
ALWAYS_INLINE vf vf_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }

ALWAYS_INLINE vm vf_less(vf a, vf b) { return vcltq_f32(a, b); }
ALWAYS_INLINE vm vf_less_equal(vf a, vf b) { return vcleq_f32(a, b); }
ALWAYS_INLINE vf vf_select(vm m, vf a, vf b) { return vbslq_f32(m, a, b); }

ALWAYS_INLINE uint32_t vf_nonzero(vf v)
{
    const uint32x4_t bits = {1, 2, 4, 8};
    return vaddvq_u32(vbicq_u32(bits, vceqq_f32(v, vdupq_n_f32(0.0f))));
}

ALWAYS_INLINE vf vf_scale(vf v, vf n)
{
    int32x4_t bits = vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32(n), vdupq_n_s32(127)), 23);
    return vmulq_f32(v, vreinterpretq_f32_s32(bits));
}
ALWAYS_INLINE vf vf_exponent(vf v)
{
    int32x4_t bits = vshrq_n_s32(vreinterpretq_s32_f32(v), 23);
    return vcvtq_f32_s32(vsubq_s32(bits, vdupq_n_s32(127)));
}
ALWAYS_INLINE vf vf_mantissa(vf v)
{
    uint32x4_t bits = vandq_u32(vreinterpretq_u32_f32(v), vdupq_n_u32(0x007fffff));
    return vreinterpretq_f32_u32(vorrq_u32(bits, vdupq_n_u32(0x3f800000)));
}

ALWAYS_INLINE vf vf_from_int(const int32_t *p) { return vcvtq_f32_s32(vld1q_s32(p)); }

ALWAYS_INLINE void vf_transpose(vf *v)
{
    const float32x4x2_t a = vtrnq_f32(v[0], v[1]), b = vtrnq_f32(v[2], v[3]);
    v[0] = vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0]));
    v[1] = vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1]));
    v[2] = vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0]));
    v[3] = vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1]));
}

ALWAYS_INLINE float vf_sum(vf v)
{
    float32x2_t x = vadd_f32(vget_low_f32(v), vget_high_f32(v));
    return vget_lane_f32(vpadd_f32(x, x), 0);
}
ALWAYS_INLINE float vf_maximum(vf v)
{
    float32x2_t x = vmax_f32(vget_low_f32(v), vget_high_f32(v));
    return vget_lane_f32(vpmax_f32(x, x), 0);
}
