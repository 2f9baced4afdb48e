"""Weights that would lie in memory twice: as the value of a variable, and packed in a plan.

A large dense matrix is packed as it is, so that its variable can do without an array of its own and
have it unpacked again should anybody read it. VGG16 in use holds 800 MB of weights, not 1280.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from cnnfast import _kernels
from cnnfast._kernels.step import Kernel
from cnnfast.engine.variable import Variable
from cnnfast.ops.base import Op
from cnnfast.ops.dense import Dense, unpacked

# Bytes. To unpack as many takes 0.2 ms.
WORTHWHILE: Final = 1 << 20


class Lenders:
    """Variables that can let go of what operations were made of.

    Args:
        variables: any.
    """

    def __init__(self, variables: Sequence[Variable]) -> None:
        held = ((variable, variable.held) for variable in variables)
        self._by_array = {id(array): variable for variable, array in held if array is not None}

    def room(self, op: Op) -> int:
        """Tell how many bytes become free once an operation is prepared.

        Args:
            op: any operation.
        """
        if isinstance(op, Dense) and self._lender(op) is not None:
            return op.kernel.nbytes
        return 0

    def release(self, op: Op, kernel: Kernel) -> None:
        """Let the variable behind an operation go, if there is one.

        Args:
            op: any operation.
            kernel: prepared of it.
        """
        if isinstance(op, Dense) and isinstance(kernel, _kernels.dense.Dense):
            lender = self._lender(op)
            if lender is not None:
                lender.let_go(op.kernel, partial(unpacked, kernel))

    def _lender(self, op: Dense) -> Variable | None:
        """Find the variable whose value an operation multiplies by, where that is worth it."""
        if op.kernel.nbytes < WORTHWHILE:
            return None
        # No other array can have this id while the operation holds its own.
        return self._by_array.get(id(op.kernel))
