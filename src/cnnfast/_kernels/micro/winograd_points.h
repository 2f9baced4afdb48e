/* Winograd's F(4x4, 3x3): a 4 x 4 tile of outputs from a 6 x 6 patch in 36 products a channel.
 *
 *   y = A^T [(G g G^T) * (B^T d B)] A,  * by element, summed over channels
 *
 * Points  0, +-3/4, +-3/2, infinity. Every entry of B^T and A^T is a dyadic fraction and so exact
 *         in float32, and the rms error is half of what 0, +-1, +-2, infinity give. G is only
 *         used in float64, when weights are packed.
 * Edges   Of a tile with fewer rows or columns the other points are not needed: n outputs along an
 *         axis take n + 2 of them, 3: all but infinity, 2: 0, +-3/4, infinity, 1: 0, +-3/4. What
 *         that changes in B^T for 1 and 2 (`low` or `narrow` tiles) makes up for the factors that G
 *         has of the points left out. Their planes are neither written nor read.
 * Layout  The 36 places of a patch are planes: v[6 i + j][tile][channel], m likewise. A call does
 *         one tile and walks its channels; what it holds in registers is a pair of rows.
 * Budget  A pair of rows of 6 is 12 vectors between the vertical and the horizontal pass, which
 *         fits 16 registers. Rows come in pairs because points come in pairs: x and -x share
 *         their even and odd parts, so a pair costs loads again but no arithmetic.
 * Numerics  A tile's result does not depend on its neighbours, nor on the channel's lane.
 */
#ifndef CNNFAST_WINOGRAD_POINTS_H
#define CNNFAST_WINOGRAD_POINTS_H

#include "../kernels.h"

/* With points 0, +-a, +-b, infinity. */
#define A_1 0.75f
#define A_2 0.5625f
#define A_3 0.421875f
#define B_1 1.5f
#define B_2 2.25f
#define B_3 3.375f
#define SUM_OF_SQUARES 2.8125f
#define PRODUCT_OF_SQUARES 1.265625f
#define DIFFERENCE_OF_SQUARES -1.6875f

/* Of the tile whose sums of products begin at m. */
#define PRODUCT(i, j) vf_load(m + (6 * (i) + (j)) * plane)

/* The last vector of channels overlaps the one before where they are not whole vectors: the same
 * numbers are stored twice. */
#define WITHIN(c, C) ((c) + LANES <= (C) ? (c) : (C) - LANES)

ALWAYS_INLINE vf vf_some(const float *p, ptrdiff_t n)
{
    return n == LANES ? vf_load(p) : vf_load_n(p, n, 0.0f);
}

/* Calls DO(low, narrow) with constants. */
#define WITH_CONSTANTS(low, narrow, DO)                                                          \
    if ((low) && (narrow))                                                                       \
        DO(1, 1);                                                                                \
    else if (low)                                                                                \
        DO(1, 0);                                                                                \
    else if (narrow)                                                                             \
        DO(0, 1);                                                                                \
    else                                                                                         \
        DO(0, 0);

#endif
