/* The table of micro-kernels: one of these is exported by each file in isa/ and picked by dispatch. */
#ifndef CNNFAST_KERNELS_H
#define CNNFAST_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#if defined(_MSC_VER) && !defined(__clang__)
#define restrict __restrict
#endif

/* The most rows a GEMM tile of any instruction set has. */
#define GEMM_MAX_ROWS 14

/* The most windows that a pooled tile has. */
#define POOLED_MAX_WINDOWS 3

/* See micro/gemm.h. columns: 1 .. vectors * lanes are stored. addend: another array, or
 * NULL. */
typedef void gemm_kernel(const float *a, ptrdiff_t lda, const ptrdiff_t *offsets,
                         ptrdiff_t segments, ptrdiff_t length, const float *panel, float *c,
                         ptrdiff_t ldc, ptrdiff_t columns, const float *addend, float lowest,
                         float highest);

/* See micro/pooled.h. step: from one window to the next; below: from its first two pixels, which
 * are lda floats apart, to the other two. */
typedef void pooled_kernel(const float *a, ptrdiff_t lda, ptrdiff_t step, ptrdiff_t below,
                           const ptrdiff_t *offsets, ptrdiff_t segments, ptrdiff_t length,
                           const float *panel, float *c, ptrdiff_t ldc, ptrdiff_t columns,
                           float lowest, float highest);

/* See micro/elementwise.h. x and y are equal or do not overlap. */
typedef void activation_kernel(const float *x, float *y, ptrdiff_t n, const float *parameters);

/* See micro/elementwise.h. y may be a or b. */
typedef void pair_kernel(const float *a, const float *b, float *y, ptrdiff_t n);

typedef void cast_kernel(const int32_t *x, float *y, ptrdiff_t n);

/* Constants that repeat: `period` >= lanes of them, then the first `lanes` again. x[0] meets the
 * one at `phase` < period. */
typedef void prelu_kernel(const float *x, float *y, ptrdiff_t n, const float *slopes,
                          ptrdiff_t period, ptrdiff_t phase);
typedef void scale_shift_kernel(const float *x, float *y, ptrdiff_t n, const float *scale,
                                const float *shift, ptrdiff_t period, ptrdiff_t phase,
                                float lowest, float highest);

/* See micro/rows.h. */
typedef void row_kernel(const float *x, float *y, ptrdiff_t rows, ptrdiff_t columns);

/* Taps: `rows` rows, `row` floats apart, of `columns` pixels, `column` floats apart. */
typedef struct Window {
    ptrdiff_t rows, row;
    ptrdiff_t columns, column;
} Window;
/* See micro/pool.h. x and y do not overlap. */
typedef void pool_kernel(const float *x, ptrdiff_t x_step, const Window *window, float *y,
                         ptrdiff_t y_step, ptrdiff_t pixels, ptrdiff_t channels, float scale);

/* See micro/gather.h. */
typedef void gather_kernel(const float *const *rows, ptrdiff_t step, ptrdiff_t taps,
                           const float *bias, float *y, ptrdiff_t columns, float lowest,
                           float highest);

/* See micro/winograd_input.h. patch: six rows, each from its first pixel that is not padding on, which is
 * column `first` of the patch; the last one is column `last` - 1. A row that is padding points at
 * as many zeros. Planes of v hold whole vectors of channels. low, narrow: of the tile at most 2
 * rows or columns are wanted. */
typedef void winograd_input_kernel(const float *const *patch, ptrdiff_t first, ptrdiff_t last,
                                   ptrdiff_t C, int low, int narrow, float *v, ptrdiff_t plane);

/* See micro/winograd_output.h and micro/winograd_output_5.h. The upper left `rows` x `columns` of the
 * tile are stored, in pixels K floats and rows `row` floats apart. addend: another array of pixels
 * that lie likewise, or NULL. */
typedef void winograd_output_kernel(const float *m, ptrdiff_t plane, const float *bias,
                                    ptrdiff_t channels, const float *addend, float lowest,
                                    float highest, float *y, ptrdiff_t row, ptrdiff_t K,
                                    ptrdiff_t rows, ptrdiff_t columns);

/* The same for the 2 x 2 windows of a tile: rows and columns, 1 or 2, count those. 5 x 5 taps leave
 * a tile one window. */
typedef void winograd_pool_kernel(const float *m, ptrdiff_t plane, const float *bias,
                                  ptrdiff_t channels, float lowest, float highest, float *y,
                                  ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows, ptrdiff_t columns);

/* See micro/winograd_sequence.h. Seven pixels, `step` floats apart, of which x is the first that is
 * not padding: the one with number `first`; the last one has number `last` - 1. Planes of v hold
 * whole vectors of channels, or as many as there are. */
typedef void sequence_input_kernel(const float *x, ptrdiff_t step, ptrdiff_t first, ptrdiff_t last,
                                   ptrdiff_t C, float *v, ptrdiff_t plane);

/* The same file: the first `count` outputs of four, `step` floats apart, as those of the addend, or
 * NULL. */
typedef void sequence_output_kernel(const float *m, ptrdiff_t plane, const float *bias,
                                    ptrdiff_t channels, const float *addend, float lowest,
                                    float highest, float *y, ptrdiff_t step, ptrdiff_t count);

/* See micro/winograd_gradient.h. The upper left `rows` x `columns` gradients of a tile, in pixels K
 * floats and rows `row` floats apart; the others are zero. Planes of p hold whole vectors. */
typedef void winograd_gradient_kernel(const float *dy, ptrdiff_t row, ptrdiff_t K, ptrdiff_t rows,
                                      ptrdiff_t columns, float *p, ptrdiff_t plane);

/* The same file: adds to 3 x 3 taps, `tap` floats apart. Planes of m hold whole vectors. */
typedef void winograd_filter_kernel(const float *m, ptrdiff_t plane, float *dw, ptrdiff_t tap,
                                    ptrdiff_t filters);
/* Taps that follow one another: `length` values from value x on meet the weights from `weight`
 * on. `last` ends the taps of an output pixel. */
typedef struct Run {
    int32_t x, weight, length, last;
} Run;
/* See micro/lanes.h. */
#define BLOCK_MAX_FILTERS 8
#define BLOCK_VECTORS 4
typedef void block_kernel(const float *x, const Run *runs, ptrdiff_t pixels,
                          const float *weights, float *y, float lowest, float highest);
typedef void interleave_kernel(const float *x, ptrdiff_t images, ptrdiff_t n, float *y,
                               ptrdiff_t step);
typedef void deinterleave_kernel(const float *x, ptrdiff_t step, ptrdiff_t n, float *y,
                                 ptrdiff_t images);

/* See micro/quad.h. Taps of the fewest, and how many numbers of taps there are. */
#define QUAD_FIRST 3
#define QUAD_SIZES 4
#define QUAD_MOST_PRODUCTS 12
typedef struct Quad {
    ptrdiff_t filters;
    ptrdiff_t together; /* neighbours that only their maximum is wanted of: 1, 2 or 4 */
    ptrdiff_t width;    /* floats from one value of x or y to the next: all vectors of images */
    float lowest;
} Quad;
/* Values before `first` and from `last` on are outside the row.
 * join: y holds the maxima of pixels of other rows, or of this one. */
typedef void quad_kernel(const float *x, ptrdiff_t first, ptrdiff_t last, const float *weights,
                         const Quad *quad, int join, float *y);
/* y += sum over outputs and filters of output * matrix, which has the filters of each output. */
typedef void quad_sum_kernel(const float *x, ptrdiff_t first, ptrdiff_t last,
                             const float *weights, const Quad *quad, const float *matrix,
                             float *y);

/* How filters of one channel each meet an image: the taps of a window that lie in it, and the
 * distances, in floats, between pixels and rows, taps and panels. */
typedef struct Depthwise {
    Window window;
    ptrdiff_t x_step, x_row; /* from an output's window to its right neighbour's, and downwards */
    ptrdiff_t first;         /* from the start of a panel to the weights of the first tap */
    ptrdiff_t weight_row;    /* from one row of taps to the next */
    ptrdiff_t panel;         /* from one vector of channels to the next */
    ptrdiff_t y_step, y_row;
    float lowest, highest;
} Depthwise;
/* See micro/depthwise.h. rows: 1 or 2. x and y do not overlap. */
typedef void depthwise_kernel(const float *x, const float *panel, float *y, const Depthwise *d,
                              ptrdiff_t rows, ptrdiff_t pixels, ptrdiff_t channels);

/* See micro/optimizer.h. Nothing overlaps. */
#define UPDATE_NUMBERS 9
#define UPDATE_STATES 3
typedef void update_kernel(float *w, const float *g, float *const *state, ptrdiff_t n,
                           const float *numbers);
/* Does `steps` steps whose gradient is zero, of a rule that keeps one state. */
typedef void replay_kernel(float *w, float *state, ptrdiff_t n, const float *numbers,
                           ptrdiff_t steps);
typedef void clip_kernel(const float *g, float *y, ptrdiff_t n, const float *parameters);
typedef float squares_kernel(const float *g, ptrdiff_t n);
/* The pixels that a sum runs over: `rows` rows of `columns`, and how far apart they lie in the
 * input a and in the gradient b. */
typedef struct PixelGrid {
    ptrdiff_t rows, columns;
    ptrdiff_t a_row, a_step, b_row, b_step;
} PixelGrid;
/* See micro/weight_gradient.h. filters: 1 .. vectors * lanes, more than vectors - 1 times lanes. */
typedef void outer_kernel(const float *a, const float *b, const PixelGrid *pixels, float *c,
                          ptrdiff_t ldc, ptrdiff_t filters);

/* See micro/depthwise_gradient.h. The most columns of taps in a tile of 1, 2 and 3 rows: 5, 5, 3. */
#define TAPS_ROWS 3
#define TAPS_COLUMNS 5
typedef void taps_kernel(const float *x, ptrdiff_t row, ptrdiff_t column, const float *dy,
                         const PixelGrid *pixels, float *dk, ptrdiff_t dk_row,
                         ptrdiff_t channels);

/* What is not zero of a gradient, and the number of the pixel or filter that it meets. */
typedef struct Entry {
    int32_t place;
    float value;
} Entry;
/* See micro/sparse_gradient.h. The most taps of a tile, and how many widths there are: 1, 2 and 4
 * vectors. NULL where registers do not hold so many. */
#define SPARSE_TAPS 9
#define SPARSE_WIDTHS 3
typedef void sparse_kernel_kernel(const float *x, const ptrdiff_t *taps, const Entry *entries,
                                  ptrdiff_t count, float *sums);
/* starts: of the entries of each of `pixels` pixels, the first of which reaches pixel `first` of dx
 * with its first tap, and the end of the last; `width` pixels of dx, `step` floats apart. adds:
 * whether to what is there. */
typedef void sparse_input_kernel(const Entry *entries, const int32_t *starts, ptrdiff_t pixels,
                                 const float *weights, ptrdiff_t first, float *dx,
                                 ptrdiff_t step, ptrdiff_t width, int adds);
typedef void list_by_filter_kernel(const float *dy, ptrdiff_t pixels, ptrdiff_t filters,
                                   int32_t place, int32_t step, Entry *entries, ptrdiff_t room,
                                   int32_t *counts);
typedef void list_by_pixel_kernel(const float *dy, ptrdiff_t pixels, ptrdiff_t filters,
                                  Entry *entries, int32_t *starts);
typedef void copy_slice_kernel(const float *x, ptrdiff_t x_step, ptrdiff_t pixels,
                               ptrdiff_t channels, float *y, ptrdiff_t width);
typedef void add_transposed_kernel(const float *sums, ptrdiff_t step, float *out,
                                   ptrdiff_t filters, ptrdiff_t channels);

/* See micro/slopes.h. dx may be v or dy. */
typedef void activation_gradient_kernel(const float *v, const float *dy, float *dx, ptrdiff_t n,
                                        const float *parameters);

/* See micro/pool_gradient.h. Only dx is written, and overlaps none of the others. */
typedef void pool_gradient_kernel(const float *x, ptrdiff_t x_step, const Window *window,
                                  const float *y, const float *dy, float *dx, ptrdiff_t pixels,
                                  ptrdiff_t channels, float scale);

/* See micro/moments.h. Constants repeat as those of scale_shift do; dx may be dy. */
typedef void column_moments_kernel(const float *x, ptrdiff_t rows, ptrdiff_t columns, float *sums,
                                   float *squares);
typedef void column_products_kernel(const float *dy, const float *x, const float *mean,
                                    ptrdiff_t rows, ptrdiff_t columns, float *sums,
                                    float *products);
typedef void normalize_gradient_kernel(const float *x, const float *dy, float *dx, ptrdiff_t n,
                                       const float *mean, const float *a, const float *b,
                                       const float *c, ptrdiff_t period);

/* What random numbers follow from. */
typedef struct Stream {
    uint32_t key[2];     /* of the layer */
    uint32_t counter[3]; /* the image's place in the batch, the step, the run */
    uint32_t threshold;  /* numbers from it on keep what they meet */
} Stream;
/* See micro/noise.h. y may be x. */
typedef void noise_kernel(const float *x, float *y, ptrdiff_t n, const Stream *stream,
                          const float *parameters);

/* See micro/peak.h. */
typedef double peak_kernel(ptrdiff_t iterations);

enum {
#define ACTIVATION(name) INDEX_##name,
#include "kernels.inc"
#undef ACTIVATION
    ACTIVATIONS
};
extern const char *const activation_names[ACTIVATIONS];

enum {
#define PAIR(name) PAIR_##name,
#include "kernels.inc"
#undef PAIR
    PAIRS
};

enum {
#define POOL(name) POOL_##name,
#include "kernels.inc"
#undef POOL
    POOLS
};

enum {
#define UPDATE(name, states) UPDATE_##name,
#include "kernels.inc"
#undef UPDATE
    UPDATES
};
extern const char *const update_names[UPDATES];
extern const int update_states[UPDATES];
extern const int replay_moves[UPDATES];

enum {
#define NOISE(name) NOISE_##name,
#include "kernels.inc"
#undef NOISE
    NOISES
};

typedef struct Kernels {
    const char *name;
    ptrdiff_t lanes;     /* floats in a vector */
    ptrdiff_t gemm_rows; /* rows of the widest GEMM tile */
    gemm_kernel *gemm[2][GEMM_MAX_ROWS]; /* [vectors - 1][rows - 1] */
    pooled_kernel *pooled[2][POOLED_MAX_WINDOWS]; /* [vectors - 1][windows - 1] */
    ptrdiff_t pooled_windows; /* of the widest pooled tile */
    activation_kernel *activations[ACTIVATIONS];
    pair_kernel *pairs[PAIRS];
    outer_kernel *outer[2][GEMM_MAX_ROWS]; /* [vectors - 1][rows - 1] */
    taps_kernel *taps[TAPS_ROWS][TAPS_COLUMNS]; /* [rows - 1][columns - 1] */
    sparse_kernel_kernel *sparse_kernels[SPARSE_WIDTHS][SPARSE_TAPS]; /* [width][taps - 1] */
    sparse_input_kernel *sparse_inputs[SPARSE_WIDTHS][SPARSE_TAPS];
    list_by_filter_kernel *list_by_filter;
    list_by_pixel_kernel *list_by_pixel;
    copy_slice_kernel *copy_slice;
    add_transposed_kernel *add_transposed;
    activation_gradient_kernel *activation_gradients[ACTIVATIONS];
    pool_gradient_kernel *pool_gradients[POOLS];
    cast_kernel *cast;
    prelu_kernel *prelu;
    scale_shift_kernel *scale_shift;
#define ROW(name, outputs) row_kernel *name;
#include "kernels.inc"
#undef ROW
    pool_kernel *pools[POOLS];
    gather_kernel *gather_sum;
    depthwise_kernel *depthwise;
    winograd_input_kernel *winograd_input;
    winograd_output_kernel *winograd_output;
    winograd_pool_kernel *winograd_pools[POOLS];
    winograd_output_kernel *winograd_output_5;
    winograd_pool_kernel *winograd_pools_5[POOLS];
    winograd_gradient_kernel *winograd_gradient;
    winograd_filter_kernel *winograd_filter;
    sequence_input_kernel *sequence_input;
    sequence_output_kernel *sequence_output;
    block_kernel *blocks[2][BLOCK_MAX_FILTERS]; /* [one vector, BLOCK_VECTORS][filters - 1] */
    ptrdiff_t block_filters[2]; /* of the widest tile that registers hold */
    quad_kernel *quads[QUAD_SIZES]; /* [taps - QUAD_FIRST] */
    quad_sum_kernel *quad_sums[QUAD_SIZES];
    interleave_kernel *interleave;
    deinterleave_kernel *deinterleave;
    update_kernel *updates[UPDATES];
    replay_kernel *replays[UPDATES]; /* NULL where there is nothing to make up for, or no way */
    clip_kernel *clip;
    squares_kernel *squares;
    column_moments_kernel *column_moments;
    column_products_kernel *column_products;
    normalize_gradient_kernel *normalize_gradient;
    noise_kernel *noises[NOISES];
    peak_kernel *fma_peak;
} Kernels;

/* NULL where the build is for another architecture. */
extern const Kernels *const kernels_avx512;
extern const Kernels *const kernels_avx2;
extern const Kernels *const kernels_neon;
extern const Kernels *const kernels_base;

/* What this CPU and its operating system can run (cpu.c). */
int cpu_has_avx512(void);
int cpu_has_avx2(void);
int cpu_has_neon(void);

#endif
