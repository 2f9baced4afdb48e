/* AVX-512 (x86-64-v4: F, BW, DQ, VL, CD): 16 lanes, 32 registers, masks in k registers. */
#include <immintrin.h>

#define LANES 16
/* 14 rows x 2 vectors = 28 accumulators + 2 weights + 1 broadcast of 32 registers. */
#define GEMM_ROWS 14

typedef __m512 vf;
typedef __mmask16 vm;

ALWAYS_INLINE vm lanes_below(ptrdiff_t n) { return (vm)((1u << n) - 1u); }

ALWAYS_INLINE vf vf_zero(void) { return _mm512_setzero_ps(); }
ALWAYS_INLINE vf vf_set(float x) { return _mm512_set1_ps(x); }
ALWAYS_INLINE vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
ALWAYS_INLINE void vf_store(float *p, vf v) { _mm512_storeu_ps(p, v); }
ALWAYS_INLINE vf vf_load_n(const float *p, ptrdiff_t n, float fill)
{
    return _mm512_mask_loadu_ps(_mm512_set1_ps(fill), lanes_below(n), p);
}
ALWAYS_INLINE void vf_store_n(float *p, vf v, ptrdiff_t n)
{
    _mm512_mask_storeu_ps(p, lanes_below(n), v);
}

ALWAYS_INLINE vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
ALWAYS_INLINE vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
ALWAYS_INLINE vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
ALWAYS_INLINE vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
ALWAYS_INLINE vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
ALWAYS_INLINE vf vf_abs(vf a) { return _mm512_abs_ps(a); }
ALWAYS_INLINE vf vf_round(vf a) { return _mm512_roundscale_ps(a, 0x08); }
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
ALWAYS_INLINE vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
ALWAYS_INLINE vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
ALWAYS_INLINE vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }

ALWAYS_INLINE vm vf_less(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ); }
ALWAYS_INLINE vm vf_less_equal(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ); }
ALWAYS_INLINE vf vf_select(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }

ALWAYS_INLINE uint32_t vf_nonzero(vf v)
{
    return _mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NEQ_UQ);
}

ALWAYS_INLINE vf vf_scale(vf v, vf n) { return _mm512_scalef_ps(v, n); }
ALWAYS_INLINE vf vf_exponent(vf v) { return _mm512_getexp_ps(v); }
ALWAYS_INLINE vf vf_mantissa(vf v)
{
    return _mm512_getmant_ps(v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src);
}

ALWAYS_INLINE vf vf_from_int(const int32_t *p)
{
    return _mm512_cvtepi32_ps(_mm512_loadu_si512(p));
}

ALWAYS_INLINE __m512 vf_pairs_low(__m512 a, __m512 b)
{
    return _mm512_castpd_ps(_mm512_unpacklo_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}
ALWAYS_INLINE __m512 vf_pairs_high(__m512 a, __m512 b)
{
    return _mm512_castpd_ps(_mm512_unpackhi_pd(_mm512_castps_pd(a), _mm512_castps_pd(b)));
}
/* The 4 x 4 blocks of four rows, transposed in place. */
ALWAYS_INLINE void vf_transpose_quarters(vf *v)
{
    const vf low = _mm512_unpacklo_ps(v[0], v[1]), high = _mm512_unpackhi_ps(v[0], v[1]);
    const vf low2 = _mm512_unpacklo_ps(v[2], v[3]), high2 = _mm512_unpackhi_ps(v[2], v[3]);
    v[0] = vf_pairs_low(low, low2);
    v[1] = vf_pairs_high(low, low2);
    v[2] = vf_pairs_low(high, high2);
    v[3] = vf_pairs_high(high, high2);
}
/* Row j of each block of four rows, to rows j, 4 + j, 8 + j and 12 + j. */
ALWAYS_INLINE void vf_transpose_blocks(vf *v)
{
    const vf even = _mm512_shuffle_f32x4(v[0], v[4], 0x88);
    const vf even2 = _mm512_shuffle_f32x4(v[8], v[12], 0x88);
    const vf odd = _mm512_shuffle_f32x4(v[0], v[4], 0xdd);
    const vf odd2 = _mm512_shuffle_f32x4(v[8], v[12], 0xdd);
    v[0] = _mm512_shuffle_f32x4(even, even2, 0x88);
    v[4] = _mm512_shuffle_f32x4(odd, odd2, 0x88);
    v[8] = _mm512_shuffle_f32x4(even, even2, 0xdd);
    v[12] = _mm512_shuffle_f32x4(odd, odd2, 0xdd);
}
ALWAYS_INLINE void vf_transpose(vf *v)
{
    vf_transpose_quarters(v);
    vf_transpose_quarters(v + 4);
    vf_transpose_quarters(v + 8);
    vf_transpose_quarters(v + 12);
    vf_transpose_blocks(v);
    vf_transpose_blocks(v + 1);
    vf_transpose_blocks(v + 2);
    vf_transpose_blocks(v + 3);
}

ALWAYS_INLINE __m128 vf_halves(__m256 a, __m256 b, int maximum)
{
    __m256 v = maximum ? _mm256_max_ps(a, b) : _mm256_add_ps(a, b);
    __m128 low = _mm256_castps256_ps128(v), high = _mm256_extractf128_ps(v, 1);
    return maximum ? _mm_max_ps(low, high) : _mm_add_ps(low, high);
}
ALWAYS_INLINE float vf_sum(vf v)
{
    __m128 x = vf_halves(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1), 0);
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
ALWAYS_INLINE float vf_maximum(vf v)
{
    __m128 x = vf_halves(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1), 1);
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}
