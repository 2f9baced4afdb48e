"""Look-up of rows in a table."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cnnfast._kernels import embedding as kernels
from cnnfast._kernels.step import Kernel
from cnnfast.ops.base import Floats, Op, Shape, constant, set_fields


@dataclass(frozen=True, eq=False)
class Embedding(Op):
    """Replace each id by its row: y[..., d] = table[x[...], d].

    Args:
        table: float32, (V, D); ids are 0 to V - 1.
    """

    takes_integers = True

    table: Floats

    def __post_init__(self) -> None:
        set_fields(self, table=constant(self.table, 2, "table"))

    def output_shape(self, *shapes: Shape) -> Shape:
        """(...) -> (..., D)."""
        return (*shapes[0], self.table.shape[1])

    def prepare(self, *shapes: Shape, integers: bool = False) -> Kernel:
        """Prepare for one input of ids, as int32 or as float32."""
        return kernels.Embedding(math.prod(shapes[0]), self.table, integers)
