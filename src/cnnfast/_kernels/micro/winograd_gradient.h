/* The gradient of the filters by Winograd's algorithm: winograd_points.h with roles exchanged.
 *
 *   dg = G^T [(A dy A^T) * (B^T d B)] G,  * by element, summed over tiles and images
 *
 * Points  Those of winograd_points.h, whose transform of the input d this shares. A is exact in float32;
 *         G is rounded here, once a coefficient, for sums over tiles are in float32 anyway.
 * Layout  As there: 36 planes, p[6 i + j], of what a tile's 4 x 4 gradients become, and of the sums
 *         over tiles that the 3 x 3 taps are made of.
 * Budget  Between the vertical and the horizontal pass a pair of rows is 8 vectors going in, and one
 *         row of 6 coming out.
 * Numerics  A result does not depend on its neighbours, nor on the filter's lane.
 */
#include "repeat.h"
#include "winograd_points.h"

/* A along a row: six points from four pixels. */
ALWAYS_INLINE void store_gradient_points(vf y0, vf y1, vf y2, vf y3, float *p, ptrdiff_t plane)
{
    const vf even_a = vf_fma(vf_set(A_2), y2, y0), even_b = vf_fma(vf_set(B_2), y2, y0);
    const vf odd_a = vf_fma(vf_set(A_3), y3, vf_mul(vf_set(A_1), y1));
    const vf odd_b = vf_fma(vf_set(B_3), y3, vf_mul(vf_set(B_1), y1));
    vf_store(p, y0);
    vf_store(p + plane, vf_add(even_a, odd_a));
    vf_store(p + 2 * plane, vf_sub(even_a, odd_a));
    vf_store(p + 3 * plane, vf_add(even_b, odd_b));
    vf_store(p + 4 * plane, vf_sub(even_b, odd_b));
    vf_store(p + 5 * plane, y3);
}

#define IS_OUTPUT(i, j) ((i) < rows && (j) < columns)
#define OUTPUT(i, j)                                                                             \
    (IS_OUTPUT(i, j) ? vf_load_n(dy + (i) * row + (j) * K, n, 0.0f) : vf_zero())
#define GRADIENT_PAIR(j)                                                                         \
    vf plus##j, minus##j;                                                                        \
    {                                                                                            \
        const vf even = vf_fma(vf_set(square), OUTPUT(2, j), OUTPUT(0, j));                      \
        const vf odd =                                                                           \
            vf_fma(vf_set(cube), OUTPUT(3, j), vf_mul(vf_set(point), OUTPUT(1, j)));             \
        plus##j = vf_add(even, odd);                                                             \
        minus##j = vf_sub(even, odd);                                                            \
    }

/* Rows of points +-point. */
ALWAYS_INLINE void gradient_pair(const float *dy, ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows,
                                 ptrdiff_t columns, ptrdiff_t n, float point, float square,
                                 float cube, float *p, ptrdiff_t plane)
{
    REPEAT_4(GRADIENT_PAIR)
    store_gradient_points(plus0, plus1, plus2, plus3, p, plane);
    store_gradient_points(minus0, minus1, minus2, minus3, p + 6 * plane, plane);
}

/* One vector of filters, n of them real. */
ALWAYS_INLINE void gradient_filters(const float *dy, ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows,
                                    ptrdiff_t columns, ptrdiff_t n, float *p, ptrdiff_t plane)
{
    store_gradient_points(OUTPUT(0, 0), OUTPUT(0, 1), OUTPUT(0, 2), OUTPUT(0, 3), p, plane);
    gradient_pair(dy, row, K, rows, columns, n, A_1, A_2, A_3, p + 6 * plane, plane);
    gradient_pair(dy, row, K, rows, columns, n, B_1, B_2, B_3, p + 18 * plane, plane);
    store_gradient_points(OUTPUT(3, 0), OUTPUT(3, 1), OUTPUT(3, 2), OUTPUT(3, 3), p + 30 * plane,
                          plane);
}

static void winograd_gradient(const float *dy, ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows,
                              ptrdiff_t columns, float *p, ptrdiff_t plane)
{
    ptrdiff_t k = 0;
    if (rows == 4 && columns == 4)
        for (; k + LANES <= K; k += LANES)
            gradient_filters(dy + k, row, K, 4, 4, LANES, p + k, plane);
    for (; k < K; k += LANES)
        gradient_filters(dy + k, row, K, rows, columns, K - k < LANES ? K - k : LANES, p + k,
                         plane);
}

/* G^T along a column or row: three taps from six points. */
typedef struct Taps {
    vf t0, t1, t2;
} Taps;

ALWAYS_INLINE Taps taps_of(vf m0, vf m1, vf m2, vf m3, vf m4, vf m5)
{
    const vf sum_a = vf_add(m1, m2), sum_b = vf_add(m3, m4);
    const vf difference_a = vf_sub(m2, m1), difference_b = vf_sub(m3, m4);
    const Taps taps = {
        vf_fma(vf_set(32.0f / 243.0f), sum_b,
               vf_fma(vf_set(-128.0f / 243.0f), sum_a, vf_mul(vf_set(64.0f / 81.0f), m0))),
        vf_fma(vf_set(16.0f / 81.0f), difference_b, vf_mul(vf_set(32.0f / 81.0f), difference_a)),
        vf_fma(vf_set(8.0f / 27.0f), vf_sub(sum_b, sum_a), m5),
    };
    return taps;
}

#define SUM(i, j) vf_load(m + (6 * (i) + (j)) * plane)
#define FILTER_COLUMN(j)                                                                         \
    const Taps column##j =                                                                       \
        taps_of(SUM(0, j), SUM(1, j), SUM(2, j), SUM(3, j), SUM(4, j), SUM(5, j));
#define FILTER_ROW(t)                                                                            \
    taps_of(column0.t, column1.t, column2.t, column3.t, column4.t, column5.t)

ALWAYS_INLINE void add_taps(Taps taps, float *dw, ptrdiff_t tap, ptrdiff_t n)
{
    vf_store_n(dw, vf_add(vf_load_n(dw, n, 0.0f), taps.t0), n);
    vf_store_n(dw + tap, vf_add(vf_load_n(dw + tap, n, 0.0f), taps.t1), n);
    vf_store_n(dw + 2 * tap, vf_add(vf_load_n(dw + 2 * tap, n, 0.0f), taps.t2), n);
}

static void winograd_filter(const float *m, ptrdiff_t plane, float *dw, ptrdiff_t tap,
                            ptrdiff_t filters)
{
    for (ptrdiff_t k = 0; k < filters; k += LANES, m += LANES, dw += LANES) {
        const ptrdiff_t n = filters - k < LANES ? filters - k : LANES;
        REPEAT_6(FILTER_COLUMN)
        add_taps(FILTER_ROW(t0), dw, tap, n);
        add_taps(FILTER_ROW(t1), dw + 3 * tap, tap, n);
        add_taps(FILTER_ROW(t2), dw + 6 * tap, tap, n);
    }
}
