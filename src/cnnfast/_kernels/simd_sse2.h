/* SSE2 (every x86-64): 4 lanes, 16 registers. No fused multiply-add: a product is rounded
 * before it is added. */
#include <emmintrin.h>
#include <string.h>

#define LANES 4
/* 4 rows x 2 vectors = 8 accumulators + 2 weights + 1 broadcast + 2 products of 16 registers. */
#define GEMM_ROWS 4

typedef __m128 vf;
typedef __m128 vm;

ALWAYS_INLINE vf vf_zero(void) { return _mm_setzero_ps(); }
ALWAYS_INLINE vf vf_set(float x) { return _mm_set1_ps(x); }
ALWAYS_INLINE vf vf_load(const float *p) { return _mm_loadu_ps(p); }
ALWAYS_INLINE void vf_store(float *p, vf v) { _mm_storeu_ps(p, v); }
ALWAYS_INLINE vf vf_load_n(const float *p, ptrdiff_t n, float fill)
{
    float lanes[4] = {fill, fill, fill, fill};
    memcpy(lanes, p, (size_t)n * sizeof(float));
    return _mm_loadu_ps(lanes);
}
ALWAYS_INLINE void vf_store_n(float *p, vf v, ptrdiff_t n)
{
    float lanes[4];
    _mm_storeu_ps(lanes, v);
    memcpy(p, lanes, (size_t)n * sizeof(float));
}

ALWAYS_INLINE vf vf_add(vf a, vf b) { return _mm_add_ps(a, b); }
ALWAYS_INLINE vf vf_sub(vf a, vf b) { return _mm_sub_ps(a, b); }
ALWAYS_INLINE vf vf_mul(vf a, vf b) { return _mm_mul_ps(a, b); }
ALWAYS_INLINE vf vf_div(vf a, vf b) { return _mm_div_ps(a, b); }
ALWAYS_INLINE vf vf_sqrt(vf a) { return _mm_sqrt_ps(a); }
ALWAYS_INLINE vf vf_abs(vf a) { return _mm_andnot_ps(_mm_set1_ps(-0.0f), a); }
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm_add_ps(_mm_mul_ps(a, b), c); }
ALWAYS_INLINE vf vf_fnma(vf a, vf b, vf c) { return _mm_sub_ps(c, _mm_mul_ps(a, b)); }
ALWAYS_INLINE vf vf_max(vf a, vf b) { return _mm_max_ps(a, b); }
ALWAYS_INLINE vf vf_min(vf a, vf b) { return _mm_min_ps(a, b); }

/* Adding and taking away 1.5 * 2^23 leaves the nearest even integer, for |x| <= 2^22: every
 * use here rounds an exponent or a clamped argument. */
ALWAYS_INLINE vf vf_round(vf a)
{
    const vf shift = _mm_set1_ps(12582912.0f);
    return _mm_sub_ps(_mm_add_ps(a, shift), shift);
}

ALWAYS_INLINE vm vf_less(vf a, vf b) { return _mm_cmplt_ps(a, b); }
ALWAYS_INLINE vm vf_less_equal(vf a, vf b) { return _mm_cmple_ps(a, b); }
ALWAYS_INLINE vf vf_select(vm m, vf a, vf b)
{
    return _mm_or_ps(_mm_and_ps(m, a), _mm_andnot_ps(m, b));
}

ALWAYS_INLINE uint32_t vf_nonzero(vf v)
{
    return (uint32_t)_mm_movemask_ps(_mm_cmpneq_ps(v, _mm_setzero_ps()));
}

ALWAYS_INLINE vf vf_scale(vf v, vf n)
{
    __m128i bits = _mm_slli_epi32(_mm_add_epi32(_mm_cvtps_epi32(n), _mm_set1_epi32(127)), 23);
    return _mm_mul_ps(v, _mm_castsi128_ps(bits));
}
ALWAYS_INLINE vf vf_exponent(vf v)
{
    __m128i bits = _mm_srli_epi32(_mm_castps_si128(v), 23);
    return _mm_cvtepi32_ps(_mm_sub_epi32(bits, _mm_set1_epi32(127)));
}
ALWAYS_INLINE vf vf_mantissa(vf v)
{
    __m128i bits = _mm_and_si128(_mm_castps_si128(v), _mm_set1_epi32(0x007fffff));
    return _mm_castsi128_ps(_mm_or_si128(bits, _mm_set1_epi32(0x3f800000)));
}

ALWAYS_INLINE vf vf_from_int(const int32_t *p)
{
    return _mm_cvtepi32_ps(_mm_loadu_si128((const __m128i *)p));
}

ALWAYS_INLINE void vf_transpose(vf *v) { _MM_TRANSPOSE4_PS(v[0], v[1], v[2], v[3]); }

ALWAYS_INLINE float vf_sum(vf v)
{
    vf x = _mm_add_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_shuffle_ps(x, x, 1)));
}
ALWAYS_INLINE float vf_maximum(vf v)
{
    vf x = _mm_max_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_shuffle_ps(x, x, 1)));
}
