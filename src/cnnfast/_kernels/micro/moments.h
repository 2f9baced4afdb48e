/* Sums over rows for batch normalization, and what it passes back.
 *
 *   column_moments    sums[c] = sum over r of x[r, c]
 *                     squares[c] = sum over r of (x[r, c] - sums[c] / rows)^2
 *   column_products   sums[c] = sum over r of dy[r, c]
 *                     products[c] = sum over r of dy[r, c] (x[r, c] - mean[c])
 *   normalize_gradient  dx[i] = a dy[i] + (b (x[i] - mean) + c), all four repeating
 *
 * Layout  Rows of `columns` floats without gaps, few enough to stay in L1; four vectors of columns
 *         at a time, whose additions do not wait for one another.
 * Numerics  Each sum is one chain of additions in the order of the rows. Squares are taken of
 *           differences from the rows' own mean: nothing cancels, however far the mean is from 0.
 */
#include "../kernels.h"
#include "elementwise.h"

/* Strips of columns: FULL(c) does four vectors from column c on, PART(c, n) the n <= LANES left. */
#define STRIPS(columns, FULL, PART)                                                              \
    ptrdiff_t c = 0;                                                                             \
    for (; c + 4 * LANES <= columns; c += 4 * LANES) FULL(c)                                     \
    for (; c < columns; c += LANES) {                                                            \
        const ptrdiff_t n = columns - c < LANES ? columns - c : LANES;                           \
        PART(c, n)                                                                               \
    }

ALWAYS_INLINE vf load_some(const float *p, ptrdiff_t n)
{
    return n == LANES ? vf_load(p) : vf_load_n(p, n, 0.0f);
}

ALWAYS_INLINE void store_some(float *p, vf v, ptrdiff_t n)
{
    if (n == LANES)
        vf_store(p, v);
    else
        vf_store_n(p, v, n);
}

ALWAYS_INLINE void moments_strip(const float *x, ptrdiff_t rows, ptrdiff_t columns, float *sums,
                                 float *squares, int vectors, ptrdiff_t n)
{
    const vf share = vf_set(1.0f / (float)rows);
    vf s[4], q[4], mean[4];
    for (int v = 0; v < vectors; v++) s[v] = q[v] = vf_zero();
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++)
            s[v] = vf_add(s[v], load_some(x + r * columns + v * LANES, n));
    for (int v = 0; v < vectors; v++) mean[v] = vf_mul(s[v], share);
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) {
            const vf d = vf_sub(load_some(x + r * columns + v * LANES, n), mean[v]);
            q[v] = vf_fma(d, d, q[v]);
        }
    for (int v = 0; v < vectors; v++) {
        store_some(sums + v * LANES, s[v], n);
        store_some(squares + v * LANES, q[v], n);
    }
}

static void column_moments(const float *x, ptrdiff_t rows, ptrdiff_t columns, float *sums,
                           float *squares)
{
#define FULL(c) moments_strip(x + c, rows, columns, sums + c, squares + c, 4, LANES);
#define PART(c, n) moments_strip(x + c, rows, columns, sums + c, squares + c, 1, n);
    STRIPS(columns, FULL, PART)
#undef FULL
#undef PART
}

ALWAYS_INLINE void products_strip(const float *dy, const float *x, const float *mean,
                                  ptrdiff_t rows, ptrdiff_t columns, float *sums,
                                  float *products, int vectors, ptrdiff_t n)
{
    vf s[4], p[4], m[4];
    for (int v = 0; v < vectors; v++) {
        s[v] = p[v] = vf_zero();
        m[v] = load_some(mean + v * LANES, n);
    }
    for (ptrdiff_t r = 0; r < rows; r++)
        for (int v = 0; v < vectors; v++) {
            const ptrdiff_t i = r * columns + v * LANES;
            const vf d = load_some(dy + i, n);
            s[v] = vf_add(s[v], d);
            p[v] = vf_fma(d, vf_sub(load_some(x + i, n), m[v]), p[v]);
        }
    for (int v = 0; v < vectors; v++) {
        store_some(sums + v * LANES, s[v], n);
        store_some(products + v * LANES, p[v], n);
    }
}

static void column_products(const float *dy, const float *x, const float *mean, ptrdiff_t rows,
                            ptrdiff_t columns, float *sums, float *products)
{
#define FULL(c)                                                                                  \
    products_strip(dy + c, x + c, mean + c, rows, columns, sums + c, products + c, 4, LANES);
#define PART(c, n)                                                                               \
    products_strip(dy + c, x + c, mean + c, rows, columns, sums + c, products + c, 1, n);
    STRIPS(columns, FULL, PART)
#undef FULL
#undef PART
}

static void normalize_gradient(const float *x, const float *dy, float *dx, ptrdiff_t n,
                               const float *mean, const float *a, const float *b, const float *c,
                               ptrdiff_t period)
{
    ptrdiff_t phase = 0;
    for (ptrdiff_t i = 0; i < n; i += LANES, phase = next_phase(phase, period)) {
        const ptrdiff_t count = n - i < LANES ? n - i : LANES;
        const vf d = vf_sub(load_some(x + i, count), vf_load(mean + phase));
        const vf line = vf_fma(vf_load(b + phase), d, vf_load(c + phase));
        store_some(dx + i, vf_fma(vf_load(a + phase), load_some(dy + i, count), line), count);
    }
}
