/* Winograd's B^T d B: the 36 places of a patch of inputs; see winograd_points.h. */
#include "repeat.h"
#include "winograd_points.h"

/* One row of B^T for the point 0; the one for infinity is the same a step further on. */
ALWAYS_INLINE vf at_end(vf d0, vf d2, vf d4)
{
    return vf_fma(vf_set(PRODUCT_OF_SQUARES), d0, vf_fnma(vf_set(SUM_OF_SQUARES), d2, d4));
}

/* The same of four pixels. */
ALWAYS_INLINE vf at_zero_of_few(vf d0, vf d2)
{
    return vf_fnma(vf_set(B_2), d2, vf_mul(vf_set(PRODUCT_OF_SQUARES), d0));
}

ALWAYS_INLINE vf at_infinity_of_few(vf d1, vf d3)
{
    return vf_fnma(vf_set(A_2), d1, d3);
}

/* Four points from four pixels. */
ALWAYS_INLINE void store_few_points(vf d0, vf d1, vf d2, vf d3, float *v, ptrdiff_t plane)
{
    const vf even = vf_mul(vf_set(DIFFERENCE_OF_SQUARES), d2);
    const vf factor = vf_set(A_1 * DIFFERENCE_OF_SQUARES);
    vf_store(v, at_zero_of_few(d0, d2));
    vf_store(v + plane, vf_fma(factor, d1, even));
    vf_store(v + 2 * plane, vf_fnma(factor, d1, even));
    vf_store(v + 5 * plane, at_infinity_of_few(d1, d3));
}

/* B^T along a row: six points from six pixels. narrow: a constant. */
ALWAYS_INLINE void store_points(int narrow, vf d0, vf d1, vf d2, vf d3, vf d4, vf d5, float *v,
                                ptrdiff_t plane)
{
    if (narrow) {
        store_few_points(d0, d1, d2, d3, v, plane);
        return;
    }
    const vf even_a = vf_fnma(vf_set(B_2), d2, d4), odd_a = vf_fnma(vf_set(B_2), d1, d3);
    const vf even_b = vf_fnma(vf_set(A_2), d2, d4), odd_b = vf_fnma(vf_set(A_2), d1, d3);
    vf_store(v, at_end(d0, d2, d4));
    vf_store(v + plane, vf_fma(vf_set(A_1), odd_a, even_a));
    vf_store(v + 2 * plane, vf_fnma(vf_set(A_1), odd_a, even_a));
    vf_store(v + 3 * plane, vf_fma(vf_set(B_1), odd_b, even_b));
    vf_store(v + 4 * plane, vf_fnma(vf_set(B_1), odd_b, even_b));
    vf_store(v + 5 * plane, at_end(d1, d3, d5));
}

#define PIXEL(i, j) vf_some(rows[i] + (j - first) * C, n)
#define IS_INSIDE(j) (j >= first && j < last)
#define COLUMN_AT_ENDS(j)                                                                        \
    vf upper##j = vf_zero(), lower##j = vf_zero();                                               \
    if (IS_INSIDE(j)) {                                                                          \
        upper##j = at_end(PIXEL(0, j), PIXEL(2, j), PIXEL(4, j));                                \
        lower##j = at_end(PIXEL(1, j), PIXEL(3, j), PIXEL(5, j));                                \
    }
#define COLUMN_AT_FEW_ENDS(j)                                                                    \
    vf upper##j = vf_zero(), lower##j = vf_zero();                                               \
    if (IS_INSIDE(j)) {                                                                          \
        upper##j = at_zero_of_few(PIXEL(0, j), PIXEL(2, j));                                     \
        lower##j = at_infinity_of_few(PIXEL(1, j), PIXEL(3, j));                                 \
    }
#define COLUMN_AT_FEW_PAIR(j)                                                                    \
    vf plus##j = vf_zero(), minus##j = vf_zero();                                                \
    if (IS_INSIDE(j)) {                                                                          \
        const vf even = vf_mul(vf_set(DIFFERENCE_OF_SQUARES), PIXEL(2, j));                      \
        plus##j = vf_fma(vf_set(A_1 * DIFFERENCE_OF_SQUARES), PIXEL(1, j), even);                \
        minus##j = vf_fnma(vf_set(A_1 * DIFFERENCE_OF_SQUARES), PIXEL(1, j), even);              \
    }
#define COLUMN_AT_PAIR(j)                                                                        \
    vf plus##j = vf_zero(), minus##j = vf_zero();                                                \
    if (IS_INSIDE(j)) {                                                                          \
        const vf even = vf_fnma(square, PIXEL(2, j), PIXEL(4, j));                               \
        const vf odd = vf_fnma(square, PIXEL(1, j), PIXEL(3, j));                                \
        plus##j = vf_fma(vf_set(point), odd, even);                                              \
        minus##j = vf_fnma(vf_set(point), odd, even);                                            \
    }

#define STORE_PAIR(upper, lower, place)                                                          \
    store_points(narrow, upper##0, upper##1, upper##2, upper##3, upper##4, upper##5, v, plane);  \
    store_points(narrow, lower##0, lower##1, lower##2, lower##3, lower##4, lower##5,             \
                 v + (place) * plane, plane);

/* Rows of points +-point; the other pair's square is a factor of theirs. */
ALWAYS_INLINE void input_pair(const float *const *rows, ptrdiff_t first, ptrdiff_t last,
                              ptrdiff_t C, ptrdiff_t n, int narrow, float point,
                              float other_square, float *v, ptrdiff_t plane)
{
    const vf square = vf_set(other_square);
    REPEAT_6(COLUMN_AT_PAIR)
    STORE_PAIR(plus, minus, 6)
}

ALWAYS_INLINE void input_few_pair(const float *const *rows, ptrdiff_t first, ptrdiff_t last,
                                  ptrdiff_t C, ptrdiff_t n, int narrow, float *v, ptrdiff_t plane)
{
    REPEAT_6(COLUMN_AT_FEW_PAIR)
    STORE_PAIR(plus, minus, 6)
}

ALWAYS_INLINE void input_ends(const float *const *rows, ptrdiff_t first, ptrdiff_t last,
                              ptrdiff_t C, ptrdiff_t n, int narrow, float *v, ptrdiff_t plane)
{
    REPEAT_6(COLUMN_AT_ENDS)
    STORE_PAIR(upper, lower, 30)
}

ALWAYS_INLINE void input_few_ends(const float *const *rows, ptrdiff_t first, ptrdiff_t last,
                                  ptrdiff_t C, ptrdiff_t n, int narrow, float *v, ptrdiff_t plane)
{
    REPEAT_6(COLUMN_AT_FEW_ENDS)
    STORE_PAIR(upper, lower, 30)
}

/* One vector of channels, n of them real. low, narrow: constants. */
ALWAYS_INLINE void input_channels(const float *const *patch, ptrdiff_t first, ptrdiff_t last,
                                  ptrdiff_t C, ptrdiff_t c, ptrdiff_t n, int low, int narrow,
                                  float *v, ptrdiff_t plane)
{
    const float *const rows[6] = {patch[0] + c, patch[1] + c, patch[2] + c,
                                  patch[3] + c, patch[4] + c, patch[5] + c};
    v += c;
    if (low) {
        input_few_ends(rows, first, last, C, n, narrow, v, plane);
        input_few_pair(rows, first, last, C, n, narrow, v + 6 * plane, plane);
        return;
    }
    input_ends(rows, first, last, C, n, narrow, v, plane);
    input_pair(rows, first, last, C, n, narrow, A_1, B_2, v + 6 * plane, plane);
    input_pair(rows, first, last, C, n, narrow, B_1, A_2, v + 18 * plane, plane);
}

ALWAYS_INLINE void input_tile(const float *const *patch, ptrdiff_t first, ptrdiff_t last,
                              ptrdiff_t C, int low, int narrow, float *v, ptrdiff_t plane)
{
    if (C < LANES) {
        input_channels(patch, first, last, C, 0, C, low, narrow, v, plane);
        return;
    }
    for (ptrdiff_t c = 0; c < C; c += LANES)
        input_channels(patch, first, last, C, WITHIN(c, C), LANES, low, narrow, v, plane);
}

static void winograd_input(const float *const *patch, ptrdiff_t first, ptrdiff_t last,
                           ptrdiff_t C, int low, int narrow, float *v, ptrdiff_t plane)
{
#define INPUT(low, narrow) input_tile(patch, first, last, C, low, narrow, v, plane)
    WITH_CONSTANTS(low, narrow, INPUT)
#undef INPUT
}
