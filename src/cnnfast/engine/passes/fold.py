"""Scales and shifts into the weights beside them: the fastest multiply is the one folded away.

Behind a convolution or matrix, with no activation between:
    s (w * x + b) + t = (s w) * x + (s b + t)
In front of one, where no border of zeros would have been shifted:
    w * (s x + t) + b = (w s) * x + (w t + b)
New weights are computed in float64 and rounded once.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from cnnfast.engine.graph import Graph
from cnnfast.engine.passes.rewrite import merge_into_consumers, merge_into_producers
from cnnfast.ops.base import Floats, Op
from cnnfast.ops.convolution import NO_BORDER, Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import LINEAR
from cnnfast.ops.normalization import ScaleShift


def fold_into_producers(graph: Graph) -> Graph:
    """Fold each scale and shift into the linear operation before it."""
    return merge_into_producers(graph, scaled_after)


def fold_into_consumers(graph: Graph) -> Graph:
    """Fold each scale and shift into the convolution or matrix behind it."""
    return merge_into_consumers(graph, scaled_before)


def scaled_after(first: Op, second: Op) -> Op | None:
    """Merge producer -> scale and shift."""
    if not isinstance(second, ScaleShift):
        return None
    if not isinstance(first, ScaleShift | Convolution | Dense | Depthwise):
        return None
    if first.activation != LINEAR:
        return None
    scale, shift = second.scale.astype(np.float64), second.shift.astype(np.float64)
    if isinstance(first, ScaleShift):
        return scaled_twice(first, second)
    if isinstance(first, Convolution) and first.adds:
        return None
    # A depthwise kernel's channels of the output are its last two axes, (C, M).
    outputs = first.kernel.shape[2:] if isinstance(first, Depthwise) else first.kernel.shape[-1:]
    if math.prod(outputs) != len(scale):
        return None
    bias = shift if first.bias is None else first.bias * scale + shift
    kernel = product(first.kernel, scale.reshape(outputs))
    return replace(first, kernel=kernel, bias=single(bias), activation=second.activation)


def scaled_twice(first: ScaleShift, second: ScaleShift) -> ScaleShift | None:
    """Merge two scales and shifts; the second may see the first's channels in smaller groups."""
    times, rest = divmod(len(first.scale), len(second.scale))
    if rest:
        return None
    scale, shift = (
        np.tile(constants.astype(np.float64), times) for constants in (second.scale, second.shift)
    )
    return ScaleShift(
        single(first.scale * scale), single(first.shift * scale + shift), second.activation
    )


def scaled_before(first: Op, second: Op) -> Op | None:
    """Merge scale and shift -> consumer."""
    consumers = Convolution | Dense | Depthwise
    if not isinstance(first, ScaleShift) or not isinstance(second, consumers):
        return None
    if first.activation != LINEAR:
        return None
    if not isinstance(second, Dense) and not commutes_with_border(first, second):
        return None
    rows = second.kernel.shape[-2]
    # A matrix over a whole image meets the constants once for each pixel.
    times = rows // len(first.scale) if isinstance(second, Dense) else 1
    if rows != times * len(first.scale):
        return None
    scale, shift = (np.tile(constants, times) for constants in (first.scale, first.shift))
    kernel = second.kernel
    # What the shift adds to each output: a depthwise one sees one channel, (C, M).
    outputs = kernel.shape[-2:] if isinstance(second, Depthwise) else kernel.shape[-1:]
    shifted = (kernel * shift[:, np.newaxis].astype(np.float64)).reshape(-1, *outputs)
    bias = shifted.sum(axis=0).ravel()
    if second.bias is not None:
        bias += second.bias
    scaled = product(second.kernel, scale[:, np.newaxis].astype(np.float64))
    return replace(second, kernel=scaled, bias=single(bias))


def commutes_with_border(scale: ScaleShift, second: Convolution | Depthwise) -> bool:
    """Whether zeros around the image may be put there before the shift as well as after."""
    borderless = second.padding == NO_BORDER or not scale.shift.any()
    return borderless and (isinstance(second, Depthwise) or second.groups == 1)


def product(kernel: Floats, factors: NDArray[np.float64]) -> Floats:
    """Multiply in float64 and round to float32, a cacheful at a time."""
    out = np.empty_like(kernel)
    np.multiply(kernel, factors, out=out, dtype=np.float64, casting="same_kind")
    return out


def single(values: NDArray[np.float64]) -> Floats:
    """Round to float32."""
    return values.astype(np.float32)
