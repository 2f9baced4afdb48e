/* Functions of whole rows: softmax and its kin.
 *
 * Every row is passed over a few times while it lies in L1; its vectors are added in order and
 * the lanes by a tree, so a row's result does not depend on its neighbours. The last vector of a
 * row is filled with -inf, which an exponential turns to 0. x and y are equal or apart, for glu
 * apart.
 *
 * Numerics  A NaN makes its whole row NaN, and so does a maximum that is infinite, as it does in
 *           the formula. Single entries of -inf get probability 0.
 */
#include <math.h>

#include "../kernels.h"
#include "elementwise.h"

/* Run the statements for each vector v of the row at x: it starts at column i, and n of its lanes
 * are real. */
#define EACH_VECTOR(x, columns, v, n, statements)                                                \
    for (ptrdiff_t i = 0; i < (columns); i += LANES) {                                           \
        const ptrdiff_t n = (columns) - i < LANES ? (columns) - i : LANES;                       \
        const vf v = n == LANES ? vf_load((x) + i) : vf_load_n((x) + i, n, -INFINITY);           \
        statements                                                                               \
    }

ALWAYS_INLINE void store_lanes(float *y, vf v, ptrdiff_t n)
{
    if (n == LANES)
        vf_store(y, v);
    else
        vf_store_n(y, v, n);
}

/* The maximum of a row, NaN ignored, in every lane. */
ALWAYS_INLINE vf row_maximum(const float *x, ptrdiff_t columns)
{
    vf largest = vf_set(-INFINITY);
    EACH_VECTOR(x, columns, v, n, { largest = vf_max(v, largest); })
    return vf_set(vf_maximum(largest));
}

static void softmax_row(const float *x, float *y, ptrdiff_t columns)
{
    const vf largest = row_maximum(x, columns);
    vf total = vf_zero();
    EACH_VECTOR(x, columns, v, n, {
        const vf power = vf_exp(vf_sub(v, largest));
        total = vf_add(total, power);
        store_lanes(y + i, power, n);
    })
    const vf inverse = vf_div(vf_set(1.0f), vf_set(vf_sum(total)));
    EACH_VECTOR(y, columns, v, n, { store_lanes(y + i, vf_mul(v, inverse), n); })
}

static void log_softmax_row(const float *x, float *y, ptrdiff_t columns)
{
    const vf largest = row_maximum(x, columns);
    vf total = vf_zero();
    EACH_VECTOR(x, columns, v, n, { total = vf_add(total, vf_exp(vf_sub(v, largest))); })
    const vf log_total = vf_log(vf_set(vf_sum(total)));
    EACH_VECTOR(x, columns, v, n, {
        store_lanes(y + i, vf_sub(vf_sub(v, largest), log_total), n);
    })
}

/* Each entry's excess over a level tau, or 0: tau such that they sum to 1. Newton's method on
 * that sum (Michelot, 1986): tau = (sum of the entries above tau - 1) / their count, from the
 * maximum - 1 upwards. The entries above tau only get fewer, so the loop ends; entries are taken
 * relative to the maximum, so none is left of much more than 1. */
static void sparsemax_row(const float *x, float *y, ptrdiff_t columns)
{
    const vf largest = row_maximum(x, columns);
    const vf one = vf_set(1.0f), zero = vf_zero();
    vf tau = vf_set(-1.0f);
    float count = (float)columns + 1.0f;
    for (;;) {
        vf total = zero, members = zero;
        EACH_VECTOR(x, columns, v, n, {
            const vf below = vf_sub(v, largest);
            const vm outside = vf_less_equal(below, tau);
            total = vf_add(total, vf_select(outside, zero, below));
            members = vf_add(members, vf_select(outside, zero, one));
        })
        const float fewer = vf_sum(members);
        if (!(fewer < count)) break;
        count = fewer;
        tau = vf_set((vf_sum(total) - 1.0f) / count);
    }
    EACH_VECTOR(x, columns, v, n, {
        store_lanes(y + i, vf_max(zero, vf_sub(vf_sub(v, largest), tau)), n);
    })
}

/* The first half of a row times the sigmoid of the second. */
static void glu_row(const float *x, float *y, ptrdiff_t columns)
{
    const ptrdiff_t half = columns / 2;
    EACH_VECTOR(x, half, v, n, {
        const vf gate = n == LANES ? vf_load(x + half + i) : vf_load_n(x + half + i, n, 0.0f);
        store_lanes(y + i, vf_mul(v, vf_sigmoid(gate, NULL)), n);
    })
}

#define ROW(name, outputs)                                                                       \
    static void name##_rows(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns)         \
    {                                                                                            \
        for (ptrdiff_t m = 0; m < rows; m++)                                                     \
            name##_row(x + m * columns, y + m * (outputs), columns);                             \
    }
#include "../kernels.inc"
#undef ROW
