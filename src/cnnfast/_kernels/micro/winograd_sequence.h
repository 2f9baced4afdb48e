/* Winograd's F(4, 4): four neighbouring outputs from seven inputs in 7 products a channel, for
 * filters of any length, cut into groups of four taps.
 *
 *   y = A^T sum over groups, channels of (G g) * (B^T d),  * by element
 *
 * Groups  Tiles lie four pixels apart and groups are four taps long, so that group g of tile t
 *         meets the inputs of tile t + g: each is transformed once.
 * Points  +-5/16, +-7/8, +-7/4, infinity. Every entry of B^T and A^T is exact in float32. With 0 in
 *         place of a pair, and another point alone, the rms error is 1.3 times as large.
 * Layout  The points of a tile are planes: v[point][tile][channel], m likewise.
 * Budget  Seven inputs are loaded once and meet six constants: 16 registers hold both nearly.
 * Numerics  A tile's result does not depend on its neighbours, nor on the channel's lane.
 */
#include "repeat.h"
#include "winograd_points.h"
#include "winograd_store.h"

/* The points, named by size; their powers; and what pairs have of each other's squares. */
#define LEAST_1 0.3125f
#define LEAST_2 0.09765625f
#define LEAST_3 0.030517578125f
#define MIDDLE_1 0.875f
#define MIDDLE_2 0.765625f
#define MIDDLE_3 0.669921875f
#define MOST_1 1.75f
#define MOST_2 3.0625f
#define MOST_3 5.359375f

/* A pair of points: the polynomials of all others have the squares of the other two pairs. */
ALWAYS_INLINE void store_point_pair(float point, float one_square, float other_square, vf d0,
                                    vf d1, vf d2, vf d3, vf d4, vf d5, float *v, ptrdiff_t plane)
{
    const vf sum = vf_set(one_square + other_square), product = vf_set(one_square * other_square);
    const vf even = vf_fma(product, d0, vf_fnma(sum, d2, d4));
    const vf odd = vf_fma(product, d1, vf_fnma(sum, d3, d5));
    vf_store(v, vf_fma(vf_set(point), even, odd));
    vf_store(v + plane, vf_fnma(vf_set(point), even, odd));
}

/* The point infinity. */
ALWAYS_INLINE vf at_infinity(vf d0, vf d2, vf d4, vf d6)
{
    const vf sum = vf_set(LEAST_2 + MIDDLE_2 + MOST_2);
    const vf pairs = vf_set(LEAST_2 * MIDDLE_2 + LEAST_2 * MOST_2 + MIDDLE_2 * MOST_2);
    const vf product = vf_set(LEAST_2 * MIDDLE_2 * MOST_2);
    return vf_fnma(product, d0, vf_fma(pairs, d2, vf_fnma(sum, d4, d6)));
}

#define STEP_PIXEL(j)                                                                            \
    const vf d##j = j >= first && j < last ? vf_some(x + (j - first) * step, n) : vf_zero();

/* One vector of channels, n of them real. */
ALWAYS_INLINE void sequence_input_channels(const float *x, ptrdiff_t step, ptrdiff_t first,
                                           ptrdiff_t last, ptrdiff_t n, float *v, ptrdiff_t plane)
{
    REPEAT_7(STEP_PIXEL)
    store_point_pair(LEAST_1, MIDDLE_2, MOST_2, d0, d1, d2, d3, d4, d5, v, plane);
    store_point_pair(MIDDLE_1, LEAST_2, MOST_2, d0, d1, d2, d3, d4, d5, v + 2 * plane, plane);
    store_point_pair(MOST_1, LEAST_2, MIDDLE_2, d0, d1, d2, d3, d4, d5, v + 4 * plane, plane);
    vf_store(v + 6 * plane, at_infinity(d0, d2, d4, d6));
}

static void sequence_input(const float *x, ptrdiff_t step, ptrdiff_t first, ptrdiff_t last,
                           ptrdiff_t C, float *v, ptrdiff_t plane)
{
    if (C < LANES) {
        sequence_input_channels(x, step, first, last, C, v, plane);
    } else if (first == 0 && last == 7) {
        for (ptrdiff_t i = 0; i < C; i += LANES) {
            const ptrdiff_t c = WITHIN(i, C);
            sequence_input_channels(x + c, step, 0, 7, LANES, v + c, plane);
        }
    } else {
        for (ptrdiff_t i = 0; i < C; i += LANES) {
            const ptrdiff_t c = WITHIN(i, C);
            sequence_input_channels(x + c, step, first, last, LANES, v + c, plane);
        }
    }
}

/* Four outputs from seven products. */
ALWAYS_INLINE Pixels sequence_pixels(const float *m, ptrdiff_t plane)
{
#define PLUS_AND_MINUS(name, point)                                                              \
    const vf name##_plus = vf_load(m + (point) * plane);                                         \
    const vf name##_minus = vf_load(m + (point + 1) * plane);                                    \
    const vf name##_sum = vf_add(name##_plus, name##_minus);                                     \
    const vf name##_difference = vf_sub(name##_plus, name##_minus);
#define COMBINED(power, kind, start)                                                             \
    vf_fma(vf_set(MOST_##power), most_##kind,                                                    \
           vf_fma(vf_set(MIDDLE_##power), middle_##kind, start(vf_set(LEAST_##power), least_##kind)))
    PLUS_AND_MINUS(least, 0)
    PLUS_AND_MINUS(middle, 2)
    PLUS_AND_MINUS(most, 4)
#define FROM_INFINITY(a, b) vf_fma(a, b, vf_load(m + 6 * plane))
    const Pixels pixels = {
        vf_add(vf_add(least_sum, middle_sum), most_sum),
        COMBINED(1, difference, vf_mul),
        COMBINED(2, sum, vf_mul),
        COMBINED(3, difference, FROM_INFINITY),
    };
    return pixels;
#undef PLUS_AND_MINUS
#undef COMBINED
#undef FROM_INFINITY
}

ALWAYS_INLINE void sequence_tile(const float *m, ptrdiff_t plane, const float *bias,
                                 ptrdiff_t channels, Target target, int adds, Finish finish)
{
    EACH_FILTERS(store_pixels(sequence_pixels(m + k, plane), shifted(target, k), adds, &finish))
}

static void sequence_output(const float *m, ptrdiff_t plane, const float *bias, ptrdiff_t channels,
                            const float *addend, float lowest, float highest, float *y,
                            ptrdiff_t step, ptrdiff_t count)
{
    const Finish finish = {vf_zero(), vf_set(lowest), vf_set(highest), count, step, LANES};
    const Target target = {y, addend};
    if (addend)
        sequence_tile(m, plane, bias, channels, target, 1, finish);
    else
        sequence_tile(m, plane, bias, channels, target, 0, finish);
}
