/* Fills the table of one instruction set. Included last by each file in isa/. */
#include "micro/depthwise.h"
#include "micro/depthwise_gradient.h"
#include "micro/elementwise.h"
#include "micro/gather.h"
#include "micro/gemm.h"
#include "micro/lanes.h"
#include "micro/moments.h"
#include "micro/noise.h"
#include "micro/optimizer.h"
#include "micro/peak.h"
#include "micro/pool.h"
#include "micro/pool_gradient.h"
#include "micro/pooled.h"
#include "micro/quad.h"
#include "micro/rows.h"
#include "micro/slopes.h"
#include "micro/sparse_gradient.h"
#include "micro/weight_gradient.h"
#include "micro/winograd_gradient.h"
#include "micro/winograd_input.h"
#include "micro/winograd_output.h"
#include "micro/winograd_output_5.h"
#include "micro/winograd_sequence.h"

#define PASTE_(a, b) a##b
#define PASTE(a, b) PASTE_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

static const Kernels table = {
    .name = TEXT(ISA_NAME),
    .lanes = LANES,
    .gemm_rows = GEMM_ROWS,
    .gemm = {
        {
#define GEMM(MR) [MR - 1] = gemm_##MR##x1,
#include "kernels.inc"
#undef GEMM
        },
        {
#define GEMM(MR) [MR - 1] = gemm_##MR##x2,
#include "kernels.inc"
#undef GEMM
        },
    },
    .pooled = {
        {
#define POOLED(W) [W - 1] = pooled_##W##x1,
#include "kernels.inc"
#undef POOLED
        },
        {
#define POOLED(W) [W - 1] = pooled_##W##x2,
#include "kernels.inc"
#undef POOLED
        },
    },
    .pooled_windows = GEMM_ROWS / 4 < POOLED_MAX_WINDOWS ? GEMM_ROWS / 4 : POOLED_MAX_WINDOWS,
    .activations = {
#define ACTIVATION(name) activation_##name,
#include "kernels.inc"
#undef ACTIVATION
    },
    .pairs = {
#define PAIR(name) pair_##name,
#include "kernels.inc"
#undef PAIR
    },
    .outer = {
        {
#define GEMM(MR) [MR - 1] = outer_##MR##x1,
#include "kernels.inc"
#undef GEMM
        },
        {
#define GEMM(MR) [MR - 1] = outer_##MR##x2,
#include "kernels.inc"
#undef GEMM
        },
    },
    .taps = {
#define TAPS(R, S) [R - 1][S - 1] = taps_##R##x##S,
#include "kernels.inc"
#undef TAPS
    },
    .sparse_kernels = {
#define SPARSE(T, V) [V / 2][T - 1] = sparse_kernel_##T##x##V,
#include "kernels.inc"
#undef SPARSE
    },
    .sparse_inputs = {
#define SPARSE(T, V) [V / 2][T - 1] = sparse_input_##T##x##V,
#include "kernels.inc"
#undef SPARSE
    },
    .list_by_filter = list_by_filter,
    .list_by_pixel = list_by_pixel,
    .copy_slice = copy_slice,
    .add_transposed = add_transposed,
    .activation_gradients = {
#define ACTIVATION(name) activation_gradient_##name,
#include "kernels.inc"
#undef ACTIVATION
    },
    .pool_gradients = {
#define POOL(name) pool_gradient_##name,
#include "kernels.inc"
#undef POOL
    },
    .cast = cast,
    .prelu = prelu,
    .scale_shift = scale_shift,
#define ROW(name, outputs) .name = name##_rows,
#include "kernels.inc"
#undef ROW
    .pools = {
#define POOL(name) pool_##name,
#include "kernels.inc"
#undef POOL
    },
    .gather_sum = gather_sum,
    .depthwise = depthwise,
    .winograd_input = winograd_input,
    .winograd_output = winograd_output,
    .winograd_pools = {
#define POOL(name) winograd_pool_##name,
#include "kernels.inc"
#undef POOL
    },
    .winograd_output_5 = winograd_output_5,
    .winograd_pools_5 = {
#define POOL(name) winograd_pool_5_##name,
#include "kernels.inc"
#undef POOL
    },
    .winograd_gradient = winograd_gradient,
    .winograd_filter = winograd_filter,
    .sequence_input = sequence_input,
    .sequence_output = sequence_output,
    .blocks = {
#define BLOCK(F, V) [V > 1][F - 1] = block_##F##x##V,
#include "kernels.inc"
#undef BLOCK
    },
    .block_filters = {8, GEMM_ROWS >= 8 ? 4 : 2},
    .quads = {
#define QUAD(S) [S - QUAD_FIRST] = quad_##S,
#include "kernels.inc"
#undef QUAD
    },
    .quad_sums = {
#define QUAD(S) [S - QUAD_FIRST] = quad_sum_##S,
#include "kernels.inc"
#undef QUAD
    },
    .interleave = interleave,
    .deinterleave = deinterleave,
    .updates = {
#define UPDATE(name, states) update_##name,
#include "kernels.inc"
#undef UPDATE
    },
    .replays = {
#define REPLAY(name, moves) [UPDATE_##name] = replay_##name,
#include "kernels.inc"
#undef REPLAY
    },
    .clip = clip,
    .squares = squares,
    .column_moments = column_moments,
    .column_products = column_products,
    .normalize_gradient = normalize_gradient,
    .noises = {
#define NOISE(name) noise_##name,
#include "kernels.inc"
#undef NOISE
    },
    .fma_peak = fma_peak,
};

const Kernels *const PASTE(kernels_, ISA_NAME) = &table;
