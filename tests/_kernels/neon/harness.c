/* Runs single micro-kernels of an AArch64 build, so that the tests beside it can compare them.
 *
 *   harness ISA list                          one line "FAMILY NAME" for each kernel, lanes first
 *   harness ISA FAMILY NAME NUMBER...         operands on stdin, outputs on stdout, all float32
 *
 * Beyond the outputs come GUARD floats that no kernel may have touched.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

#define GUARD 32
#define UNTOUCHED -12345.0f
#define MOST_NUMBERS 32

typedef struct Call {
    const Kernels *kernels;
    ptrdiff_t kernel;                 /* place of the kernel in its family */
    ptrdiff_t numbers[MOST_NUMBERS];
    const float *x;                   /* operands */
    ptrdiff_t count;                  /* of them */
    float *y;                         /* outputs */
} Call;

/* Runs one kernel; returns how many outputs it has. */
typedef ptrdiff_t family(const Call *call);

static const char *const row_names[] = {
#define ROW(name, outputs) #name,
#include "kernels.inc"
#undef ROW
};

static const char *const pair_names[] = {
#define PAIR(name) #name,
#include "kernels.inc"
#undef PAIR
};

static const char *const pool_names[] = {
#define POOL(name) #name,
#include "kernels.inc"
#undef POOL
};

enum { ROWS = sizeof row_names / sizeof row_names[0] };

#include "gradients.h"
#include "lanes.h"
#include "normalization.h"
#include "sequences.h"
#include "sparse.h"
#include "updates.h"

static void fail(const char *message)
{
    fprintf(stderr, "harness: %s\n", message);
    exit(1);
}

/* rows, lda, segments, length, ldc, columns, adds, offsets... : lowest, highest, panel, addend in
 * the places of the outputs where it adds, a */
static ptrdiff_t run_gemm(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    const ptrdiff_t rows = n[0], lda = n[1], segments = n[2], length = n[3], ldc = n[4];
    const ptrdiff_t vectors = call->kernel + 1;
    const float *panel = call->x + 2;
    const float *addend = panel + vectors * call->kernels->lanes * (1 + segments * length);
    const ptrdiff_t outputs = (rows - 1) * ldc + n[5];
    call->kernels->gemm[vectors - 1][rows - 1](
        addend + (n[6] ? outputs : 0), lda, n + 7, segments, length, panel, call->y, ldc, n[5],
        n[6] ? addend : NULL, call->x[0], call->x[1]);
    return outputs;
}

/* windows, lda, step, below, segments, length, ldc, columns, offsets... : lowest, highest, panel,
 * a */
static ptrdiff_t run_pooled(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    const ptrdiff_t windows = n[0], segments = n[4], length = n[5], ldc = n[6], columns = n[7];
    const ptrdiff_t vectors = call->kernel + 1;
    const float *panel = call->x + 2;
    const float *a = panel + vectors * call->kernels->lanes * (1 + segments * length);
    call->kernels->pooled[vectors - 1][windows - 1](a, n[1], n[2], n[3], n + 8, segments, length,
                                                    panel, call->y, ldc, columns, call->x[0],
                                                    call->x[1]);
    return (windows - 1) * ldc + columns;
}

/* three parameters, x */
static ptrdiff_t run_activation(const Call *call)
{
    call->kernels->activations[call->kernel](call->x + 3, call->y, call->count - 3, call->x);
    return call->count - 3;
}

/* a, b */
static ptrdiff_t run_pair(const Call *call)
{
    const ptrdiff_t n = call->count / 2;
    call->kernels->pairs[call->kernel](call->x, call->x + n, call->y, n);
    return n;
}

/* int32 bits */
static ptrdiff_t run_cast(const Call *call)
{
    call->kernels->cast((const int32_t *)call->x, call->y, call->count);
    return call->count;
}

/* period, phase : slopes and their first lanes again, x */
static ptrdiff_t run_prelu(const Call *call)
{
    const ptrdiff_t period = call->numbers[0], constants = period + call->kernels->lanes;
    const ptrdiff_t n = call->count - constants;
    call->kernels->prelu(call->x + constants, call->y, n, call->x, period, call->numbers[1]);
    return n;
}

/* period, phase : lowest, highest, scale, shift (each with its first lanes again), x */
static ptrdiff_t run_scale_shift(const Call *call)
{
    const ptrdiff_t period = call->numbers[0], constants = period + call->kernels->lanes;
    const ptrdiff_t n = call->count - 2 - 2 * constants;
    const float *scale = call->x + 2, *shift = scale + constants;
    call->kernels->scale_shift(shift + constants, call->y, n, scale, shift, period,
                               call->numbers[1], call->x[0], call->x[1]);
    return n;
}

/* rows, columns : x */
static ptrdiff_t run_row(const Call *call)
{
    const ptrdiff_t rows = call->numbers[0], columns = call->numbers[1];
    row_kernel *const kernels[] = {
#define ROW(name, outputs) call->kernels->name,
#include "kernels.inc"
#undef ROW
    };
    const ptrdiff_t outputs_of[] = {
#define ROW(name, outputs) outputs,
#include "kernels.inc"
#undef ROW
    };
    kernels[call->kernel](call->x, call->y, rows, columns);
    return rows * outputs_of[call->kernel];
}

/* x_step, rows, row, columns, column, y_step, pixels, channels : scale, x */
static ptrdiff_t run_pool(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    const Window window = {n[1], n[2], n[3], n[4]};
    call->kernels->pools[call->kernel](call->x + 1, n[0], &window, call->y, n[5], n[6], n[7],
                                       call->x[0]);
    return (n[6] - 1) * n[5] + n[7];
}

/* step, taps, columns, row of the table for each word... : lowest, highest, bias, table */
static ptrdiff_t run_gather(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    const ptrdiff_t step = n[0], taps = n[1], columns = n[2], words = (taps - 1) * step + 1;
    const float *bias = call->x + 2, *rows[MOST_NUMBERS];
    for (ptrdiff_t i = 0; i < words; i++) rows[i] = bias + columns + n[3 + i] * taps * columns;
    call->kernels->gather_sum(rows, step, taps, bias, call->y, columns, call->x[0], call->x[1]);
    return columns;
}

/* C, first, last, height, plane, low, narrow : the patch's real pixels, height rows of them, zeros below */
static ptrdiff_t run_winograd_input(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    const ptrdiff_t C = n[0], first = n[1], last = n[2], height = n[3], plane = n[4];
    const ptrdiff_t row = (last - first) * C;
    const float *patch[6];
    for (ptrdiff_t i = 0; i < 6; i++) patch[i] = call->x + (i < height ? i : height) * row;
    call->kernels->winograd_input(patch, first, last, C, (int)n[5], (int)n[6], call->y, plane);
    return 35 * plane + (C + call->kernels->lanes - 1) / call->kernels->lanes * call->kernels->lanes;
}

/* plane, channels, row, K, rows, columns, adds : lowest, highest, bias, m, addend in the places of
 * the outputs where it adds */
static ptrdiff_t run_winograd_output(const Call *call)
{
    const ptrdiff_t *n = call->numbers;
    const ptrdiff_t plane = n[0], channels = n[1], row = n[2], K = n[3], rows = n[4];
    const float *bias = call->x + 2, *m = bias + channels;
    winograd_output_kernel *const outputs[] = {call->kernels->winograd_output,
                                               call->kernels->winograd_output_5};
    outputs[call->kernel](m, plane, bias, channels, n[6] ? m + 36 * plane : NULL, call->x[0],
                          call->x[1], call->y, row, K, rows, n[5]);
    return (rows - 1) * row + (n[5] - 1) * K + channels;
}

/* plane, channels, row, K, rows, columns : lowest, highest, bias, m */
static ptrdiff_t pool_tile(const Call *call, winograd_pool_kernel *pool)
{
    const ptrdiff_t *n = call->numbers;
    const ptrdiff_t plane = n[0], channels = n[1], row = n[2], K = n[3], rows = n[4];
    const float *bias = call->x + 2;
    pool(bias + channels, plane, bias, channels, call->x[0], call->x[1], call->y, row, K, rows,
         n[5]);
    return (rows - 1) * row + (n[5] - 1) * K + channels;
}

static ptrdiff_t run_winograd_pool(const Call *call)
{
    return pool_tile(call, call->kernels->winograd_pools[call->kernel]);
}

static ptrdiff_t run_winograd_pool_5(const Call *call)
{
    return pool_tile(call, call->kernels->winograd_pools_5[call->kernel]);
}

/* window rows, row, columns, column, x_step, x_row, first, weight_row, panel, y_step, y_row, rows,
 * pixels, channels : lowest, highest, panels, x */
static ptrdiff_t run_depthwise(const Call *call)
{
    const ptrdiff_t *n = call->numbers, lanes = call->kernels->lanes;
    const Depthwise d = {{n[0], n[1], n[2], n[3]}, n[4], n[5], n[6], n[7], n[8], n[9], n[10],
                         call->x[0], call->x[1]};
    const float *panels = call->x + 2, *x = panels + (n[13] + lanes - 1) / lanes * d.panel;
    call->kernels->depthwise(x, panels, call->y, &d, n[11], n[12], n[13]);
    return (n[11] - 1) * d.y_row + (n[12] - 1) * d.y_step + n[13];
}

/* iterations : */
static ptrdiff_t run_peak(const Call *call)
{
    call->y[0] = (float)call->kernels->fma_peak(call->numbers[0]);
    return 1;
}

static const char *const gemm_names[] = {"one_vector", "two_vectors"};
static const char *const block_names[] = {"one_vector", "four_vectors"};
static const char *const quad_names[] = {"3", "4", "5", "6"};
static const char *const interleave_names[] = {"interleave"};
static const char *const deinterleave_names[] = {"deinterleave"};
static const char *const cast_names[] = {"cast"};
static const char *const depthwise_names[] = {"depthwise"};
static const char *const gather_names[] = {"gather_sum"};
static const char *const prelu_names[] = {"prelu"};
static const char *const scale_shift_names[] = {"scale_shift"};
static const char *const winograd_input_names[] = {"winograd_input"};
static const char *const winograd_output_names[] = {"winograd_output", "winograd_output_5"};
static const char *const winograd_gradient_names[] = {"winograd_gradient"};
static const char *const winograd_filter_names[] = {"winograd_filter"};
static const char *const clip_names[] = {"clip"};
static const char *const squares_names[] = {"squares"};
static const char *const column_moments_names[] = {"column_moments"};
static const char *const column_products_names[] = {"column_products"};
static const char *const normalize_gradient_names[] = {"normalize_gradient"};
static const char *const noise_names[] = {
#define NOISE(name) #name,
#include "kernels.inc"
#undef NOISE
};
static const char *const copy_slice_names[] = {"copy_slice"};
static const char *const add_transposed_names[] = {"add_transposed"};
static const char *const peak_names[] = {"fma_peak"};

static const struct {
    const char *name;
    family *run;
    const char *const *kernels;
    ptrdiff_t count;
} families[] = {
    {"gemm", run_gemm, gemm_names, 2},
    {"pooled", run_pooled, gemm_names, 2},
    {"activation", run_activation, activation_names, ACTIVATIONS},
    {"pair", run_pair, pair_names, PAIRS},
    {"cast", run_cast, cast_names, 1},
    {"prelu", run_prelu, prelu_names, 1},
    {"scale_shift", run_scale_shift, scale_shift_names, 1},
    {"row", run_row, row_names, ROWS},
    {"pool", run_pool, pool_names, POOLS},
    {"depthwise", run_depthwise, depthwise_names, 1},
    {"gather", run_gather, gather_names, 1},
    {"winograd_input", run_winograd_input, winograd_input_names, 1},
    {"winograd_output", run_winograd_output, winograd_output_names, 2},
    {"winograd_pool", run_winograd_pool, pool_names, POOLS},
    {"winograd_pool_5", run_winograd_pool_5, pool_names, POOLS},
    {"winograd_gradient", run_winograd_gradient, winograd_gradient_names, 1},
    {"winograd_filter", run_winograd_filter, winograd_filter_names, 1},
    {"sequence_input", run_sequence_input, sequence_input_names, 1},
    {"sequence_output", run_sequence_output, sequence_output_names, 1},
    {"block", run_block, block_names, 2},
    {"quad", run_quad, quad_names, QUAD_SIZES},
    {"quad_sum", run_quad_sum, quad_names, QUAD_SIZES},
    {"interleave", run_interleave, interleave_names, 1},
    {"deinterleave", run_deinterleave, deinterleave_names, 1},
    {"update", run_update, update_names, UPDATES},
    {"replay", run_replay, update_names, UPDATES},
    {"clip", run_clip, clip_names, 1},
    {"squares", run_squares, squares_names, 1},
    {"column_moments", run_column_moments, column_moments_names, 1},
    {"column_products", run_column_products, column_products_names, 1},
    {"normalize_gradient", run_normalize_gradient, normalize_gradient_names, 1},
    {"noise", run_noise, noise_names, NOISES},
    {"outer", run_outer, gemm_names, 2},
    {"taps", run_taps, taps_names, TILES},
    {"activation_gradient", run_activation_gradient, activation_names, ACTIVATIONS},
    {"pool_gradient", run_pool_gradient, pool_names, POOLS},
    {"sparse_kernel", run_sparse_kernel, sparse_names, SPARSE_TILES},
    {"sparse_input", run_sparse_input, sparse_names, SPARSE_TILES},
    {"copy_slice", run_copy_slice, copy_slice_names, 1},
    {"add_transposed", run_add_transposed, add_transposed_names, 1},
    {"peak", run_peak, peak_names, 1},
};
enum { FAMILIES = sizeof families / sizeof families[0] };

static void list(const Kernels *kernels)
{
    printf("lanes %td\nrows %td\n", kernels->lanes, kernels->gemm_rows);
    for (int f = 0; f < FAMILIES; f++)
        for (ptrdiff_t k = 0; k < families[f].count; k++)
            printf("%s %s\n", families[f].name, families[f].kernels[k]);
}

static family *find(const char *name, const char *kernel, ptrdiff_t *place)
{
    for (int f = 0; f < FAMILIES; f++)
        for (ptrdiff_t k = 0; k < families[f].count; k++)
            if (!strcmp(families[f].name, name) && !strcmp(families[f].kernels[k], kernel)) {
                *place = k;
                return families[f].run;
            }
    fail("no such kernel");
    return NULL;
}

static float *read_operands(ptrdiff_t *count)
{
    ptrdiff_t capacity = 1 << 16;
    float *x = malloc((size_t)capacity * sizeof *x);
    *count = 0;
    for (size_t got; x && (got = fread(x + *count, sizeof *x, (size_t)(capacity - *count), stdin));) {
        *count += (ptrdiff_t)got;
        if (*count == capacity) x = realloc(x, (size_t)(capacity *= 2) * sizeof *x);
    }
    if (!x) fail("out of memory");
    return x;
}

/* Outputs are never more than the operands, but for those of a kernel that has none. */
static void write_outputs(family *run, Call *call)
{
    const ptrdiff_t capacity = 4 * call->count + 4096;
    call->y = malloc((size_t)capacity * sizeof *call->y);
    if (!call->y) fail("out of memory");
    for (ptrdiff_t i = 0; i < capacity; i++) call->y[i] = UNTOUCHED;
    const ptrdiff_t outputs = run(call);
    if (outputs + GUARD > capacity) fail("too many outputs");
    fwrite(call->y, sizeof *call->y, (size_t)(outputs + GUARD), stdout);
}

int main(int count, char **words)
{
    Call call = {0};
    if (count < 3) fail("usage: harness ISA FAMILY NAME NUMBER...");
    call.kernels = strcmp(words[1], "neon") ? kernels_base : kernels_neon;
    if (!strcmp(words[2], "list")) {
        list(call.kernels);
        return 0;
    }
    if (count < 4 || count - 4 > MOST_NUMBERS) fail("too few or too many numbers");
    family *run = find(words[2], words[3], &call.kernel);
    for (int i = 4; i < count; i++) call.numbers[i - 4] = strtol(words[i], NULL, 10);
    call.x = read_operands(&call.count);
    write_outputs(run, &call);
    return 0;
}
