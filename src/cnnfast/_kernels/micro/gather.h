/* A sum of rows that lie anywhere, for one output pixel:
 *
 *   y[k] = clamp(bias[k] + sum over t of rows[t * step][t * columns + k])
 *
 * Layout  rows[i] is what one word contributes at every tap: taps runs of `columns` floats.
 * Tile    Two vectors of columns at a time; a tap is two loads and two adds, bound by where the
 *         rows lie.
 * Numerics  One chain of adds in the order of the taps, from the bias on.
 */
#include "../kernels.h"

static void gather_sum(const float *const *rows, ptrdiff_t step, ptrdiff_t taps,
                       const float *bias, float *y, ptrdiff_t columns, float lowest,
                       float highest)
{
    const vf minimum = vf_set(lowest), maximum = vf_set(highest);
    ptrdiff_t k = 0;
    for (; k + 2 * LANES <= columns; k += 2 * LANES) {
        vf low = vf_load(bias + k), high = vf_load(bias + k + LANES);
        for (ptrdiff_t t = 0; t < taps; t++) {
            const float *row = rows[t * step] + t * columns + k;
            low = vf_add(low, vf_load(row));
            high = vf_add(high, vf_load(row + LANES));
        }
        vf_store(y + k, vf_min(maximum, vf_max(minimum, low)));
        vf_store(y + k + LANES, vf_min(maximum, vf_max(minimum, high)));
    }
    for (; k < columns; k += LANES) {
        const ptrdiff_t n = columns - k < LANES ? columns - k : LANES;
        vf v = vf_load_n(bias + k, n, 0.0f);
        for (ptrdiff_t t = 0; t < taps; t++)
            v = vf_add(v, vf_load_n(rows[t * step] + t * columns + k, n, 0.0f));
        vf_store_n(y + k, vf_min(maximum, vf_max(minimum, v)), n);
    }
}
