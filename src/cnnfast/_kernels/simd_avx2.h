/* AVX2 + FMA (x86-64-v3): 8 lanes, 16 registers, masks as all-ones lanes. */
#include <immintrin.h>

#define LANES 8
/* 6 rows x 2 vectors = 12 accumulators + 2 weights + 1 broadcast of 16 registers. */
#define GEMM_ROWS 6

typedef __m256 vf;
typedef __m256 vm;

ALWAYS_INLINE __m256i lanes_below(ptrdiff_t n)
{
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

ALWAYS_INLINE vf vf_zero(void) { return _mm256_setzero_ps(); }
ALWAYS_INLINE vf vf_set(float x) { return _mm256_set1_ps(x); }
ALWAYS_INLINE vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
ALWAYS_INLINE void vf_store(float *p, vf v) { _mm256_storeu_ps(p, v); }
ALWAYS_INLINE vf vf_load_n(const float *p, ptrdiff_t n, float fill)
{
    __m256i m = lanes_below(n);
    return _mm256_blendv_ps(_mm256_set1_ps(fill), _mm256_maskload_ps(p, m),
                            _mm256_castsi256_ps(m));
}
ALWAYS_INLINE void vf_store_n(float *p, vf v, ptrdiff_t n)
{
    _mm256_maskstore_ps(p, lanes_below(n), v);
}

ALWAYS_INLINE vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
ALWAYS_INLINE vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
ALWAYS_INLINE vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
ALWAYS_INLINE vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
ALWAYS_INLINE vf vf_sqrt(vf a) { return _mm256_sqrt_ps(a); }
ALWAYS_INLINE vf vf_abs(vf a) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a); }
ALWAYS_INLINE vf vf_round(vf a) { return _mm256_round_ps(a, 0x08); }
ALWAYS_INLINE vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
ALWAYS_INLINE vf vf_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); }
ALWAYS_INLINE vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
ALWAYS_INLINE vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }

ALWAYS_INLINE vm vf_less(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LT_OQ); }
ALWAYS_INLINE vm vf_less_equal(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_LE_OQ); }
ALWAYS_INLINE vf vf_select(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }

ALWAYS_INLINE uint32_t vf_nonzero(vf v)
{
    return (uint32_t)_mm256_movemask_ps(_mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_NEQ_UQ));
}

ALWAYS_INLINE vf vf_scale(vf v, vf n)
{
    __m256i bits = _mm256_slli_epi32(
        _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(v, _mm256_castsi256_ps(bits));
}
ALWAYS_INLINE vf vf_exponent(vf v)
{
    __m256i bits = _mm256_srli_epi32(_mm256_castps_si256(v), 23);
    return _mm256_cvtepi32_ps(_mm256_sub_epi32(bits, _mm256_set1_epi32(127)));
}
ALWAYS_INLINE vf vf_mantissa(vf v)
{
    __m256i bits = _mm256_and_si256(_mm256_castps_si256(v), _mm256_set1_epi32(0x007fffff));
    return _mm256_castsi256_ps(_mm256_or_si256(bits, _mm256_set1_epi32(0x3f800000)));
}

ALWAYS_INLINE vf vf_from_int(const int32_t *p)
{
    return _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)p));
}

/* The 4 x 4 blocks of four rows, transposed in place. */
ALWAYS_INLINE void vf_transpose_halves(vf *v)
{
    const vf low = _mm256_unpacklo_ps(v[0], v[1]), high = _mm256_unpackhi_ps(v[0], v[1]);
    const vf low2 = _mm256_unpacklo_ps(v[2], v[3]), high2 = _mm256_unpackhi_ps(v[2], v[3]);
    v[0] = _mm256_shuffle_ps(low, low2, 0x44);
    v[1] = _mm256_shuffle_ps(low, low2, 0xee);
    v[2] = _mm256_shuffle_ps(high, high2, 0x44);
    v[3] = _mm256_shuffle_ps(high, high2, 0xee);
}
ALWAYS_INLINE void vf_transpose_blocks(vf *v)
{
    const vf low = _mm256_permute2f128_ps(v[0], v[4], 0x20);
    v[4] = _mm256_permute2f128_ps(v[0], v[4], 0x31);
    v[0] = low;
}
ALWAYS_INLINE void vf_transpose(vf *v)
{
    vf_transpose_halves(v);
    vf_transpose_halves(v + 4);
    vf_transpose_blocks(v);
    vf_transpose_blocks(v + 1);
    vf_transpose_blocks(v + 2);
    vf_transpose_blocks(v + 3);
}

ALWAYS_INLINE float vf_sum(vf v)
{
    __m128 x = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}
ALWAYS_INLINE float vf_maximum(vf v)
{
    __m128 x = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    x = _mm_max_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_max_ss(x, _mm_movehdup_ps(x)));
}
