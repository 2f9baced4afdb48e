/* How pixels of a pooling window join, for every kernel that pools. */
#ifndef CNNFAST_JOIN_H
#define CNNFAST_JOIN_H

#include "../kernels.h"

/* Adds one tap. vf_max lets the NaN of a total through; that of a tap is looked for apart, so
 * that the chain of totals is no longer for it. */
ALWAYS_INLINE vf pool_join(int kind, vf total, vf tap)
{
    if (kind == POOL_average) return vf_add(total, tap);
    return vf_select(vf_less_equal(tap, tap), vf_max(tap, total), tap);
}

#endif
