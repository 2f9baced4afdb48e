/* The vector vocabulary that every micro-kernel is written in.
 *
 * One instruction set is chosen by the file in isa/ that includes this header. Each back end
 * defines the same names:
 *   LANES                       floats in a vector
 *   GEMM_ROWS                   rows of the GEMM register tile
 *   vf, vm                      a vector of floats, a mask of lanes
 *   vf_zero vf_set vf_load vf_store
 *   vf_load_n(p, n, fill)       the first n lanes from memory, the others = fill;  1 <= n <= LANES
 *   vf_store_n(p, v, n)         the first n lanes to memory
 *   vf_add vf_sub vf_mul vf_div vf_sqrt vf_abs vf_round (to nearest even)
 *   vf_fma(a, b, c)             a * b + c, fused where the hardware can (rounded twice in base)
 *   vf_fnma(a, b, c)            c - a * b, likewise
 *   vf_max(a, b), vf_min(a, b)  return b where either is NaN, so a clamp written as
 *                               vf_min(high, vf_max(low, x)) lets NaN through
 *   vf_less vf_less_equal vf_select(m, a, b)
 *   vf_nonzero(v)               a bit for each lane, the first one's lowest: 1 where it is not 0,
 *                               as NaN is not
 *   vf_scale(v, n)              v * 2^n for integral n in [-126, 127]
 *   vf_exponent(v), vf_mantissa(v)   frexp with the mantissa in [1, 2), for positive normal v
 *   vf_sum, vf_maximum          across the lanes, in a fixed order (a tree over halves)
 *   vf_transpose(v)             LANES vectors in place: lane j of v[i] trades places with lane i
 *                               of v[j]
 *   vf_from_int(p)              LANES int32 from memory, converted
 */
#ifndef CNNFAST_SIMD_H
#define CNNFAST_SIMD_H

#include <stddef.h>
#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#define ALWAYS_INLINE static __forceinline
#else
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

#if defined(CNNFAST_ISA_AVX512)
#include "simd_avx512.h"
#elif defined(CNNFAST_ISA_AVX2)
#include "simd_avx2.h"
#elif defined(CNNFAST_ISA_NEON)
#include "simd_neon.h"
#elif defined(CNNFAST_ISA_BASE) && (defined(__x86_64__) || defined(_M_X64))
#include "simd_sse2.h"
#elif defined(CNNFAST_ISA_BASE)
#include "simd_portable.h"
#else
#error "simd.h: the including file in isa/ must choose an instruction set"
#endif

#endif
