/* Gradients of convolutions from a gradient of the output that is mostly zero, as max pooling
 * leaves it: only what is not zero is listed, and multiplied.
 *
 *   sparse_kernel   sums[t, c] += sum over entries of value * x[place, taps[t] + c]
 *   sparse_input    dx[q + first + t, c] (+)= sum over the entries of pixels q of
 *                                             value * weights[place, t, c]
 *
 * Layout  A slice of V vectors of channels is done at a time: of the input where a filter's sums
 *         are wanted, so that pixels stay in L1 and the sums in registers through all entries of
 *         the filter; of the weights where the gradient of a row is, so that they stay in L1 and
 *         the pixels that a filter reaches in registers, which move on with it.
 * Tile    T taps x V vectors: an entry is one broadcast and T * V multiply-adds from memory.
 * Budget  T * V accumulators, at most 28 of 32 registers or 14 of 16, 1 value.
 * Numerics  One chain of fused multiply-adds for each result, in the order of the entries. A zero
 *         is no entry, whatever it would meet: zero times infinity does not become NaN. NaN is
 *         one.
 */
#include "../kernels.h"
#include "repeat.h"

/* Place of the lowest bit that is set. */
ALWAYS_INLINE int lowest_bit(uint32_t bits)
{
#if defined(_MSC_VER) && !defined(__clang__)
    unsigned long place;
    _BitScanForward(&place, bits);
    return (int)place;
#else
    return __builtin_ctz(bits);
#endif
}

/* Lists what pixels received, filter by filter: that of filter k from entries[k * room] on, behind
 * the counts[k] that are there already. */
static void list_by_filter(const float *dy, ptrdiff_t pixels, ptrdiff_t filters, int32_t place,
                           int32_t step, Entry *entries, ptrdiff_t room, int32_t *counts)
{
    for (ptrdiff_t q = 0; q < pixels; q++, dy += filters, place += step)
        for (ptrdiff_t k = 0; k < filters; k += LANES) {
            const ptrdiff_t n = filters - k;
            const vf v = n < LANES ? vf_load_n(dy + k, n, 0.0f) : vf_load(dy + k);
            for (uint32_t bits = vf_nonzero(v); bits; bits &= bits - 1) {
                const ptrdiff_t filter = k + lowest_bit(bits);
                const Entry entry = {place, dy[filter]};
                entries[filter * room + counts[filter]++] = entry;
            }
        }
}

/* The same pixel by pixel; the place is the filter's number, and starts[q] is where those of pixel q
 * begin, starts[pixels] where all end. */
static void list_by_pixel(const float *dy, ptrdiff_t pixels, ptrdiff_t filters, Entry *entries,
                          int32_t *starts)
{
    Entry *entry = entries;
    starts[0] = 0;
    for (ptrdiff_t q = 0; q < pixels; q++, dy += filters) {
        for (ptrdiff_t k = 0; k < filters; k += LANES) {
            const ptrdiff_t n = filters - k;
            const vf v = n < LANES ? vf_load_n(dy + k, n, 0.0f) : vf_load(dy + k);
            for (uint32_t bits = vf_nonzero(v); bits; bits &= bits - 1) {
                const ptrdiff_t filter = k + lowest_bit(bits);
                entry->place = (int32_t)filter;
                (entry++)->value = dy[filter];
            }
        }
        starts[q + 1] = (int32_t)(entry - entries);
    }
}

/* Copies whole vectors of each pixel, `width` floats, of which the last vector may have some channels
 * and zeros behind them. */
static void copy_slice(const float *x, ptrdiff_t x_step, ptrdiff_t pixels, ptrdiff_t channels,
                       float *y, ptrdiff_t width)
{
    for (ptrdiff_t q = 0; q < pixels; q++, x += x_step, y += width)
        for (ptrdiff_t c = 0; c < width; c += LANES) {
            const ptrdiff_t n = channels - c;
            vf_store(y + c, n < LANES ? vf_load_n(x + c, n, 0.0f) : vf_load(x + c));
        }
}

/* Adds sums[k * step + c], for whole vectors of c, to out[c * filters + k]. */
static void add_transposed(const float *sums, ptrdiff_t step, float *out, ptrdiff_t filters,
                           ptrdiff_t channels)
{
    for (ptrdiff_t c = 0; c < channels; c += LANES)
        for (ptrdiff_t k = 0; k < filters; k += LANES) {
            const ptrdiff_t rows = filters - k < LANES ? filters - k : LANES;
            const ptrdiff_t columns = channels - c < LANES ? channels - c : LANES;
            const float *from = sums + k * step + c;
            float *to = out + c * filters + k;
            vf v[LANES];
            for (int i = 0; i < LANES; i++) v[i] = i < rows ? vf_load(from + i * step) : vf_zero();
            vf_transpose(v);
            for (ptrdiff_t i = 0; i < columns; i++, to += filters) {
                const vf old = rows < LANES ? vf_load_n(to, rows, 0.0f) : vf_load(to);
                vf_store_n(to, vf_add(old, v[i]), rows);
            }
        }
}

#define SPARSE_LOAD_1(t) vf a##t = vf_load(sums + (t)*LANES);
#define SPARSE_LOAD_2(t)                                                                         \
    vf a##t = vf_load(sums + 2 * (t)*LANES), b##t = vf_load(sums + (2 * (t) + 1) * LANES);
#define SPARSE_LOAD_4(t)                                                                         \
    vf a##t = vf_load(sums + 4 * (t)*LANES), b##t = vf_load(sums + (4 * (t) + 1) * LANES);       \
    vf c##t = vf_load(sums + (4 * (t) + 2) * LANES), d##t = vf_load(sums + (4 * (t) + 3) * LANES);
#define SPARSE_STORE_1(t) vf_store(sums + (t)*LANES, a##t);
#define SPARSE_STORE_2(t)                                                                        \
    vf_store(sums + 2 * (t)*LANES, a##t);                                                        \
    vf_store(sums + (2 * (t) + 1) * LANES, b##t);
#define SPARSE_STORE_4(t)                                                                        \
    vf_store(sums + 4 * (t)*LANES, a##t);                                                        \
    vf_store(sums + (4 * (t) + 1) * LANES, b##t);                                                \
    vf_store(sums + (4 * (t) + 2) * LANES, c##t);                                                \
    vf_store(sums + (4 * (t) + 3) * LANES, d##t);

/* What an entry adds to tap t, of the vectors at `at`. */
#define SPARSE_STEP_1(t, at) a##t = vf_fma(g, vf_load(at), a##t);
#define SPARSE_STEP_2(t, at) SPARSE_STEP_1(t, at) b##t = vf_fma(g, vf_load((at) + LANES), b##t);
#define SPARSE_STEP_4(t, at)                                                                     \
    SPARSE_STEP_2(t, at)                                                                         \
    c##t = vf_fma(g, vf_load((at) + 2 * LANES), c##t);                                           \
    d##t = vf_fma(g, vf_load((at) + 3 * LANES), d##t);

#define SPARSE_TAP(t) const ptrdiff_t tap##t = taps[t];
#define SPARSE_PIXEL_1(t)                                                                        \
    {                                                                                            \
        const float *pixel = at + tap##t;                                                        \
        SPARSE_STEP_1(t, pixel)                                                                  \
    }
#define SPARSE_PIXEL_2(t)                                                                        \
    {                                                                                            \
        const float *pixel = at + tap##t;                                                        \
        SPARSE_STEP_2(t, pixel)                                                                  \
    }
#define SPARSE_PIXEL_4(t)                                                                        \
    {                                                                                            \
        const float *pixel = at + tap##t;                                                        \
        SPARSE_STEP_4(t, pixel)                                                                  \
    }

#define SPARSE(T, V)                                                                             \
    static void sparse_kernel_##T##x##V(const float *x, const ptrdiff_t *taps,                   \
                                        const Entry *entries, ptrdiff_t count, float *sums)      \
    {                                                                                            \
        REPEAT_##T(SPARSE_TAP)                                                                   \
        REPEAT_##T(SPARSE_LOAD_##V)                                                              \
        for (const Entry *entry = entries; entry < entries + count; entry++) {                   \
            const vf g = vf_set(entry->value);                                                   \
            const float *at = x + (ptrdiff_t)entry->place * (V * LANES);                         \
            REPEAT_##T(SPARSE_PIXEL_##V)                                                         \
        }                                                                                        \
        REPEAT_##T(SPARSE_STORE_##V)                                                             \
    }
#include "../kernels.inc"
#undef SPARSE

#define SPARSE_WEIGHT_1(t) SPARSE_STEP_1(t, at + (t)*LANES)
#define SPARSE_WEIGHT_2(t) SPARSE_STEP_2(t, at + 2 * (t)*LANES)
#define SPARSE_WEIGHT_4(t) SPARSE_STEP_4(t, at + 4 * (t)*LANES)

/* What a pixel has before the first entry that reaches it. */
#define SPARSE_NAME_1(t) vf a##t = vf_zero();
#define SPARSE_NAME_2(t) SPARSE_NAME_1(t) vf b##t = vf_zero();
#define SPARSE_NAME_4(t) SPARSE_NAME_2(t) vf c##t = vf_zero(), d##t = vf_zero();
#define SPARSE_OLD_1(t) a##t = vf_load(old);
#define SPARSE_OLD_2(t) SPARSE_OLD_1(t) b##t = vf_load(old + LANES);
#define SPARSE_OLD_4(t)                                                                          \
    SPARSE_OLD_2(t)                                                                              \
    c##t = vf_load(old + 2 * LANES);                                                             \
    d##t = vf_load(old + 3 * LANES);
#define SPARSE_BEGIN(t, NAME, OLD)                                                               \
    NAME(t)                                                                                      \
    if (adds && first + (t) >= 0 && first + (t) < width) {                                       \
        const float *old = dx + (first + (t)) * step;                                            \
        OLD(t)                                                                                   \
    }
#define SPARSE_BEGIN_1(t) SPARSE_BEGIN(t, SPARSE_NAME_1, SPARSE_OLD_1)
#define SPARSE_BEGIN_2(t) SPARSE_BEGIN(t, SPARSE_NAME_2, SPARSE_OLD_2)
#define SPARSE_BEGIN_4(t) SPARSE_BEGIN(t, SPARSE_NAME_4, SPARSE_OLD_4)

/* The pixel that no later entry reaches. */
#define SPARSE_DONE_1 vf_store(done, a0);
#define SPARSE_DONE_2 SPARSE_DONE_1 vf_store(done + LANES, b0);
#define SPARSE_DONE_4                                                                            \
    SPARSE_DONE_2                                                                                \
    vf_store(done + 2 * LANES, c0);                                                              \
    vf_store(done + 3 * LANES, d0);

#define SPARSE_MOVE_1(s, t) a##s = a##t;
#define SPARSE_MOVE_2(s, t) SPARSE_MOVE_1(s, t) b##s = b##t;
#define SPARSE_MOVE_4(s, t) SPARSE_MOVE_2(s, t) c##s = c##t, d##s = d##t;
#define SPARSE_CLEAR_1(t) a##t = vf_zero();
#define SPARSE_CLEAR_2(t) SPARSE_CLEAR_1(t) b##t = vf_zero();
#define SPARSE_CLEAR_4(t) SPARSE_CLEAR_2(t) c##t = vf_zero(), d##t = vf_zero();
/* The pixel that the next entries reach with their last tap, t. */
#define SPARSE_NEXT(t, CLEAR, OLD)                                                               \
    if (adds && first + (t) + 1 >= 0 && first + (t) + 1 < width) {                               \
        const float *old = dx + (first + (t) + 1) * step;                                        \
        OLD(t)                                                                                   \
    } else {                                                                                     \
        CLEAR(t)                                                                                 \
    }
#define SPARSE_NEXT_1(t) SPARSE_NEXT(t, SPARSE_CLEAR_1, SPARSE_OLD_1)
#define SPARSE_NEXT_2(t) SPARSE_NEXT(t, SPARSE_CLEAR_2, SPARSE_OLD_2)
#define SPARSE_NEXT_4(t) SPARSE_NEXT(t, SPARSE_CLEAR_4, SPARSE_OLD_4)

/* MOVE_n(X, C) writes X(0, 1) X(1, 2) ... X(n - 2, n - 1) C(n - 1) */
#define MOVE_1(X, C) C(0)
#define MOVE_2(X, C) X(0, 1) C(1)
#define MOVE_3(X, C) X(0, 1) X(1, 2) C(2)
#define MOVE_4(X, C) X(0, 1) X(1, 2) X(2, 3) C(3)
#define MOVE_5(X, C) X(0, 1) X(1, 2) X(2, 3) X(3, 4) C(4)
#define MOVE_6(X, C) X(0, 1) X(1, 2) X(2, 3) X(3, 4) X(4, 5) C(5)
#define MOVE_7(X, C) X(0, 1) X(1, 2) X(2, 3) X(3, 4) X(4, 5) X(5, 6) C(6)
#define MOVE_8(X, C) X(0, 1) X(1, 2) X(2, 3) X(3, 4) X(4, 5) X(5, 6) X(6, 7) C(7)
#define MOVE_9(X, C) X(0, 1) X(1, 2) X(2, 3) X(3, 4) X(4, 5) X(5, 6) X(6, 7) X(7, 8) C(8)

#define SPARSE(T, V)                                                                             \
    static void sparse_input_##T##x##V(const Entry *entries, const int32_t *starts,              \
                                       ptrdiff_t pixels, const float *weights, ptrdiff_t first,  \
                                       float *dx, ptrdiff_t step, ptrdiff_t width, int adds)     \
    {                                                                                            \
        const Entry *entry = entries + starts[0];                                                \
        REPEAT_##T(SPARSE_BEGIN_##V)                                                             \
        for (ptrdiff_t q = 0; q < pixels + T - 1; q++, first++) {                                \
            const Entry *end = q < pixels ? entries + starts[q + 1] : entry;                     \
            for (; entry < end; entry++) {                                                       \
                const vf g = vf_set(entry->value);                                               \
                const float *at = weights + (ptrdiff_t)entry->place * (T * V * LANES);           \
                REPEAT_##T(SPARSE_WEIGHT_##V)                                                    \
            }                                                                                    \
            if (first >= 0 && first < width) {                                                   \
                float *done = dx + first * step;                                                 \
                SPARSE_DONE_##V                                                                  \
            }                                                                                    \
            MOVE_##T(SPARSE_MOVE_##V, SPARSE_NEXT_##V)                                           \
        }                                                                                        \
    }
#include "../kernels.inc"
#undef SPARSE
