# The C face of the table of micro-kernels; see kernels.h.

from libc.stdint cimport uint32_t

cdef extern from "kernels.h":
    const Py_ssize_t GEMM_MAX_ROWS

    ctypedef void gemm_kernel(
        const float *a, Py_ssize_t lda, const Py_ssize_t *offsets, Py_ssize_t segments,
        Py_ssize_t length, const float *panel, float *c, Py_ssize_t ldc, Py_ssize_t columns,
        const float *addend, float lowest, float highest) noexcept nogil

    ctypedef void pooled_kernel(
        const float *a, Py_ssize_t lda, Py_ssize_t step, Py_ssize_t below,
        const Py_ssize_t *offsets, Py_ssize_t segments, Py_ssize_t length, const float *panel,
        float *c, Py_ssize_t ldc, Py_ssize_t columns, float lowest,
        float highest) noexcept nogil

    ctypedef void activation_kernel(
        const float *x, float *y, Py_ssize_t n, const float *parameters) noexcept nogil

    ctypedef void pair_kernel(
        const float *a, const float *b, float *y, Py_ssize_t n) noexcept nogil

    ctypedef void cast_kernel(const int *x, float *y, Py_ssize_t n) noexcept nogil

    ctypedef void prelu_kernel(
        const float *x, float *y, Py_ssize_t n, const float *slopes, Py_ssize_t period,
        Py_ssize_t phase) noexcept nogil

    ctypedef void scale_shift_kernel(
        const float *x, float *y, Py_ssize_t n, const float *scale, const float *shift,
        Py_ssize_t period, Py_ssize_t phase, float lowest, float highest) noexcept nogil

    ctypedef void row_kernel(
        const float *x, float *y, Py_ssize_t rows, Py_ssize_t columns) noexcept nogil

    ctypedef struct Window:
        Py_ssize_t rows, row
        Py_ssize_t columns, column

    ctypedef void pool_kernel(
        const float *x, Py_ssize_t x_step, const Window *window, float *y, Py_ssize_t y_step,
        Py_ssize_t pixels, Py_ssize_t channels, float scale) noexcept nogil

    ctypedef void gather_kernel(
        const float *const *rows, Py_ssize_t step, Py_ssize_t taps, const float *bias, float *y,
        Py_ssize_t columns, float lowest, float highest) noexcept nogil

    ctypedef void winograd_input_kernel(
        const float *const *patch, Py_ssize_t first, Py_ssize_t last, Py_ssize_t C, bint low,
        bint narrow, float *v, Py_ssize_t plane) noexcept nogil

    ctypedef void winograd_output_kernel(
        const float *m, Py_ssize_t plane, const float *bias, Py_ssize_t channels,
        const float *addend, float lowest, float highest, float *y, Py_ssize_t row, Py_ssize_t K,
        Py_ssize_t rows, Py_ssize_t columns) noexcept nogil

    ctypedef void winograd_pool_kernel(
        const float *m, Py_ssize_t plane, const float *bias, Py_ssize_t channels, float lowest,
        float highest, float *y, Py_ssize_t row, Py_ssize_t K, Py_ssize_t rows,
        Py_ssize_t columns) noexcept nogil

    ctypedef void sequence_input_kernel(
        const float *x, Py_ssize_t step, Py_ssize_t first, Py_ssize_t last, Py_ssize_t C,
        float *v, Py_ssize_t plane) noexcept nogil

    ctypedef void sequence_output_kernel(
        const float *m, Py_ssize_t plane, const float *bias, Py_ssize_t channels,
        const float *addend, float lowest, float highest, float *y, Py_ssize_t step,
        Py_ssize_t count) noexcept nogil

    ctypedef void winograd_gradient_kernel(
        const float *dy, Py_ssize_t row, Py_ssize_t K, Py_ssize_t rows, Py_ssize_t columns,
        float *p, Py_ssize_t plane) noexcept nogil

    ctypedef void winograd_filter_kernel(
        const float *m, Py_ssize_t plane, float *dw, Py_ssize_t tap,
        Py_ssize_t filters) noexcept nogil

    const Py_ssize_t BLOCK_VECTORS

    ctypedef struct Run:
        int x, weight, length, last

    ctypedef void block_kernel(
        const float *x, const Run *runs, Py_ssize_t pixels, const float *weights, float *y,
        float lowest, float highest) noexcept nogil

    ctypedef void interleave_kernel(
        const float *x, Py_ssize_t images, Py_ssize_t n, float *y, Py_ssize_t step) noexcept nogil

    ctypedef void deinterleave_kernel(
        const float *x, Py_ssize_t step, Py_ssize_t n, float *y,
        Py_ssize_t images) noexcept nogil

    const Py_ssize_t QUAD_FIRST

    ctypedef struct Quad:
        Py_ssize_t filters
        Py_ssize_t together
        Py_ssize_t width
        float lowest

    ctypedef void quad_kernel(
        const float *x, Py_ssize_t first, Py_ssize_t last, const float *weights,
        const Quad *quad, int join, float *y) noexcept nogil

    ctypedef void quad_sum_kernel(
        const float *x, Py_ssize_t first, Py_ssize_t last, const float *weights,
        const Quad *quad, const float *matrix, float *y) noexcept nogil

    ctypedef struct Depthwise:
        Window window
        Py_ssize_t x_step, x_row
        Py_ssize_t first
        Py_ssize_t weight_row
        Py_ssize_t panel
        Py_ssize_t y_step, y_row
        float lowest, highest

    ctypedef void depthwise_kernel(
        const float *x, const float *panel, float *y, const Depthwise *d, Py_ssize_t rows,
        Py_ssize_t pixels, Py_ssize_t channels) noexcept nogil

    const int UPDATE_NUMBERS
    const int UPDATE_STATES

    ctypedef void update_kernel(
        float *w, const float *g, float *const *state, Py_ssize_t n,
        const float *numbers) noexcept nogil

    ctypedef void replay_kernel(
        float *w, float *state, Py_ssize_t n, const float *numbers,
        Py_ssize_t steps) noexcept nogil

    ctypedef void clip_kernel(
        const float *g, float *y, Py_ssize_t n, const float *parameters) noexcept nogil

    ctypedef float squares_kernel(const float *g, Py_ssize_t n) noexcept nogil

    ctypedef struct Stream:
        uint32_t key[2]
        uint32_t counter[3]
        uint32_t threshold

    ctypedef void noise_kernel(
        const float *x, float *y, Py_ssize_t n, const Stream *stream,
        const float *parameters) noexcept nogil

    ctypedef void column_moments_kernel(
        const float *x, Py_ssize_t rows, Py_ssize_t columns, float *sums,
        float *squares) noexcept nogil

    ctypedef void column_products_kernel(
        const float *dy, const float *x, const float *mean, Py_ssize_t rows, Py_ssize_t columns,
        float *sums, float *products) noexcept nogil

    ctypedef void normalize_gradient_kernel(
        const float *x, const float *dy, float *dx, Py_ssize_t n, const float *mean,
        const float *a, const float *b, const float *c, Py_ssize_t period) noexcept nogil
    ctypedef struct PixelGrid:
        Py_ssize_t rows, columns
        Py_ssize_t a_row, a_step, b_row, b_step

    ctypedef void outer_kernel(
        const float *a, const float *b, const PixelGrid *pixels, float *c, Py_ssize_t ldc,
        Py_ssize_t filters) noexcept nogil

    const Py_ssize_t TAPS_ROWS
    const Py_ssize_t TAPS_COLUMNS

    ctypedef void taps_kernel(
        const float *x, Py_ssize_t row, Py_ssize_t column, const float *dy,
        const PixelGrid *pixels, float *dk, Py_ssize_t dk_row, Py_ssize_t channels) noexcept nogil

    const Py_ssize_t SPARSE_TAPS
    const Py_ssize_t SPARSE_WIDTHS

    ctypedef struct Entry:
        int place
        float value

    ctypedef void sparse_kernel_kernel(
        const float *x, const Py_ssize_t *taps, const Entry *entries, Py_ssize_t count,
        float *sums) noexcept nogil

    ctypedef void sparse_input_kernel(
        const Entry *entries, const int *starts, Py_ssize_t pixels, const float *weights,
        Py_ssize_t first, float *dx, Py_ssize_t step, Py_ssize_t width, int adds) noexcept nogil

    ctypedef void list_by_filter_kernel(
        const float *dy, Py_ssize_t pixels, Py_ssize_t filters, int place, int step,
        Entry *entries, Py_ssize_t room, int *counts) noexcept nogil

    ctypedef void list_by_pixel_kernel(
        const float *dy, Py_ssize_t pixels, Py_ssize_t filters, Entry *entries,
        int *starts) noexcept nogil

    ctypedef void copy_slice_kernel(
        const float *x, Py_ssize_t x_step, Py_ssize_t pixels, Py_ssize_t channels, float *y,
        Py_ssize_t width) noexcept nogil

    ctypedef void add_transposed_kernel(
        const float *sums, Py_ssize_t step, float *out, Py_ssize_t filters,
        Py_ssize_t channels) noexcept nogil

    ctypedef void activation_gradient_kernel(
        const float *v, const float *dy, float *dx, Py_ssize_t n,
        const float *parameters) noexcept nogil

    ctypedef void pool_gradient_kernel(
        const float *x, Py_ssize_t x_step, const Window *window, const float *y,
        const float *dy, float *dx, Py_ssize_t pixels, Py_ssize_t channels,
        float scale) noexcept nogil

    ctypedef double peak_kernel(Py_ssize_t iterations) noexcept nogil

    ctypedef struct Kernels:
        const char *name
        Py_ssize_t lanes
        Py_ssize_t gemm_rows
        gemm_kernel *gemm[2][14]
        pooled_kernel *pooled[2][3]
        Py_ssize_t pooled_windows
        activation_kernel *activations[1]
        pair_kernel *pairs[5]
        outer_kernel *outer[2][14]
        taps_kernel *taps[3][5]
        sparse_kernel_kernel *sparse_kernels[3][9]
        sparse_input_kernel *sparse_inputs[3][9]
        list_by_filter_kernel *list_by_filter
        list_by_pixel_kernel *list_by_pixel
        copy_slice_kernel *copy_slice
        add_transposed_kernel *add_transposed
        activation_gradient_kernel *activation_gradients[1]
        pool_gradient_kernel *pool_gradients[2]
        cast_kernel *cast
        prelu_kernel *prelu
        scale_shift_kernel *scale_shift
        row_kernel *softmax
        row_kernel *log_softmax
        row_kernel *sparsemax
        row_kernel *glu
        pool_kernel *pools[2]
        gather_kernel *gather_sum
        depthwise_kernel *depthwise
        winograd_input_kernel *winograd_input
        winograd_output_kernel *winograd_output
        winograd_pool_kernel *winograd_pools[2]
        winograd_output_kernel *winograd_output_5
        winograd_pool_kernel *winograd_pools_5[2]
        winograd_gradient_kernel *winograd_gradient
        winograd_filter_kernel *winograd_filter
        sequence_input_kernel *sequence_input
        sequence_output_kernel *sequence_output
        block_kernel *blocks[2][8]
        Py_ssize_t block_filters[2]
        quad_kernel *quads[4]
        quad_sum_kernel *quad_sums[4]
        interleave_kernel *interleave
        deinterleave_kernel *deinterleave
        update_kernel *updates[1]
        replay_kernel *replays[1]
        clip_kernel *clip
        squares_kernel *squares
        column_moments_kernel *column_moments
        column_products_kernel *column_products
        normalize_gradient_kernel *normalize_gradient
        noise_kernel *noises[3]
        peak_kernel *fma_peak

    const int PAIR_add
    const int PAIR_subtract
    const int PAIR_multiply
    const int PAIR_maximum
    const int PAIR_minimum
    const int POOL_max
    const int POOL_average
    const Py_ssize_t ACTIVATIONS
    const char *activation_names[1]
    const int UPDATES
    const char *update_names[1]
    const int update_states[1]
    const int replay_moves[1]
    const int UPDATE_decay
    const int UPDATE_average

    const Kernels *const kernels_avx512
    const Kernels *const kernels_avx2
    const Kernels *const kernels_neon
    const Kernels *const kernels_base
    int cpu_has_avx512()
    int cpu_has_avx2()
    int cpu_has_neon()
