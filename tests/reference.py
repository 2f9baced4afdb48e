"""Float64 NumPy twins of every operation, written to be read rather than to be fast.

Arrays are channels last with the batch first. Each function takes what the operation of the same
name in `cnnfast.ops` takes, computes in float64 with a loop over taps at most, and returns
float64. An activation is the tuple `(name, p0, p1, p2)` the operations use.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np

from cnnfast import portable

Array = np.ndarray
Activation = tuple[str, float, float, float]
Sides = tuple[int, int]

LINEAR: Activation = ("linear", 0.0, 0.0, 0.0)
NO_PADDING: tuple[Sides, Sides] = ((0, 0), (0, 0))

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


def convolution(
    inputs: Array,
    kernel: Array,
    bias: Array | None = None,
    strides: Sides = (1, 1),
    padding: tuple[Sides, Sides] = NO_PADDING,
    dilation: Sides = (1, 1),
    groups: int = 1,
    activation: Activation = LINEAR,
) -> Array:
    """Cross-correlate (N, H, W, C) with (R, S, C // groups, K), one filter tap at a time."""
    padded = pad(inputs, padding)
    taps_h, taps_w, depth, filters = kernel.shape
    rows = _positions(padded.shape[1], taps_h, strides[0], dilation[0])
    columns = _positions(padded.shape[2], taps_w, strides[1], dilation[1])
    outputs = np.zeros((len(padded), len(rows), len(columns), filters))
    width = filters // groups
    for r, s, g in np.ndindex(taps_h, taps_w, groups):
        pixels = padded[:, rows + r * dilation[0]][:, :, columns + s * dilation[1]]
        channels = slice(g * depth, (g + 1) * depth)
        filter_range = slice(g * width, (g + 1) * width)
        weights = np.asarray(kernel[r, s, :, filter_range], np.float64)
        outputs[..., filter_range] += pixels[..., channels] @ weights
    return activate(_with_bias(outputs, bias), activation)


def convolution_magnitude(
    inputs: Array,
    kernel: Array,
    bias: Array | None = None,
    strides: Sides = (1, 1),
    padding: tuple[Sides, Sides] = NO_PADDING,
    dilation: Sides = (1, 1),
    groups: int = 1,
) -> Array:
    """Sum the absolute products behind each output: the scale of its rounding error."""
    absolute_bias = None if bias is None else np.abs(bias)
    return convolution(
        np.abs(inputs), np.abs(kernel), absolute_bias, strides, padding, dilation, groups
    )


def dense(
    inputs: Array, kernel: Array, bias: Array | None = None, activation: Activation = LINEAR
) -> Array:
    """Multiply the last axis of any-rank inputs by a (C, K) matrix."""
    product = np.asarray(inputs, np.float64) @ np.asarray(kernel, np.float64)
    return activate(_with_bias(product, bias), activation)


def dense_magnitude(inputs: Array, kernel: Array, bias: Array | None = None) -> Array:
    """Sum the absolute products behind each output of `dense`."""
    return dense(np.abs(inputs), np.abs(kernel), None if bias is None else np.abs(bias))


def pooling(
    kind: str,
    inputs: Array,
    pool: Sides,
    strides: Sides,
    padding: tuple[Sides, Sides] = NO_PADDING,
) -> Array:
    """Take the maximum, or the average of the real pixels, of each window of (N, H, W, C)."""
    outside = -np.inf if kind == "max" else 0.0
    padded = pad(inputs, padding, outside)
    present = pad(np.ones_like(inputs), padding)
    rows = _positions(padded.shape[1], pool[0], strides[0], 1)
    columns = _positions(padded.shape[2], pool[1], strides[1], 1)
    outputs = np.empty((len(padded), len(rows), len(columns), padded.shape[3]))
    for p, row in enumerate(rows):
        for q, column in enumerate(columns):
            window = np.s_[:, row : row + pool[0], column : column + pool[1]]
            if kind == "max":
                outputs[:, p, q] = padded[window].max(axis=(1, 2))
            else:
                outputs[:, p, q] = padded[window].sum((1, 2)) / present[window].sum((1, 2))
    return outputs


def global_pooling(kind: str, inputs: Array) -> Array:
    """Reduce every axis between batch and channels by its maximum or its average."""
    axes = tuple(range(1, inputs.ndim - 1))
    values = np.asarray(inputs, np.float64)
    return values.max(axis=axes) if kind == "max" else values.mean(axis=axes)


def embedding(indices: Array, table: Array) -> Array:
    """Replace each integer by its row of a (V, D) table."""
    return np.asarray(table, np.float64)[np.asarray(indices).astype(np.int64)]


def add(*inputs: Array) -> Array:
    """Sum arrays of one shape."""
    return np.sum([np.asarray(values, np.float64) for values in inputs], axis=0)


def combine(name: str, *inputs: Array) -> Array:
    """Fold arrays of one shape by add, subtract, multiply, maximum or minimum, from the left."""
    return functools.reduce(getattr(np, name), [np.asarray(x, np.float64) for x in inputs])


def gate(inputs: Array, gates: Array) -> Array:
    """Multiply each channel of (N, ..., C) by the image's own factor in (N, C)."""
    return np.einsum("n...c,nc->n...c", np.asarray(inputs, np.float64), gates)


def crop(inputs: Array, cropping: tuple[Sides, Sides]) -> Array:
    """Cut a border off (N, H, W, C)."""
    (top, bottom), (left, right) = cropping
    _, height, width, _ = inputs.shape
    return np.asarray(inputs, np.float64)[:, top : height - bottom, left : width - right]


def enlarge(how: str, inputs: Array, factors: Sides) -> Array:
    """Multiply height and width of (N, H, W, C), an axis at a time."""
    values = np.asarray(inputs, np.float64)
    for axis, factor in enumerate(factors, start=1):
        length = values.shape[axis]
        places = np.clip((np.arange(length * factor) + 0.5) / factor - 0.5, 0, length - 1)
        if how == "nearest":
            values = np.repeat(values, factor, axis)
            continue
        lower = np.floor(places).astype(int)
        upper = np.minimum(lower + 1, length - 1)
        weight = np.expand_dims(places - lower, (*range(axis), *range(axis + 1, 4)))
        values = values.take(lower, axis) * (1 - weight) + values.take(upper, axis) * weight
    return values


def prelu(inputs: Array, slopes: Array) -> Array:
    """Scale negative values by slopes that broadcast over the trailing axes."""
    values = np.asarray(inputs, np.float64)
    return np.where(values > 0, values, values * np.asarray(slopes, np.float64))


def scale_shift(inputs: Array, scale: Array, shift: Array) -> Array:
    """Compute inputs * scale + shift along the last axis."""
    return np.asarray(inputs, np.float64) * np.asarray(scale, np.float64) + shift


def pad(inputs: Array, padding: tuple[Sides, Sides], value: float = 0.0) -> Array:
    """Border the two middle axes of (N, H, W, C) with a constant."""
    widths = ((0, 0), *padding, (0, 0))
    return np.pad(np.asarray(inputs, np.float64), widths, constant_values=value)


def permute(inputs: Array, axes: Sequence[int]) -> Array:
    """Reorder the axes behind the batch; `axes` counts from 0 without the batch."""
    return np.transpose(np.asarray(inputs, np.float64), (0, *(axis + 1 for axis in axes)))


def concatenate(inputs: Sequence[Array], axis: int) -> Array:
    """Join arrays along an axis that counts from 0 without the batch."""
    return np.concatenate([np.asarray(values, np.float64) for values in inputs], axis + 1)


def activate(inputs: Array, activation: Activation) -> Array:
    """Apply one elementwise activation, given as `(name, p0, p1, p2)`."""
    name, *parameters = activation
    return ACTIVATIONS[name](np.asarray(inputs, np.float64), *parameters)


def row_activate(inputs: Array, name: str) -> Array:
    """Apply softmax, log_softmax, sparsemax or glu along the last axis."""
    return ROW_ACTIVATIONS[name](np.asarray(inputs, np.float64))


def _positions(length: int, taps: int, stride: int, dilation: int) -> Array:
    return np.arange(0, length - (taps - 1) * dilation, stride)


def _with_bias(outputs: Array, bias: Array | None) -> Array:
    return outputs if bias is None else outputs + np.asarray(bias, np.float64)


def _relu(x: Array, negative_slope: float, max_value: float, threshold: float) -> Array:
    passed = np.minimum(np.where(x > threshold, x, 0.0), max_value)
    return np.where(x > threshold, passed, negative_slope * (x - threshold))


def _elu(x: Array, alpha: float, *_: float) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def _celu(x: Array, alpha: float, *_: float) -> Array:
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0) / alpha)


def _selu(x: Array, *_: float) -> Array:
    return SELU_SCALE * _elu(x, SELU_ALPHA)


def _gelu(x: Array, *_: float) -> Array:
    return 0.5 * x * np.vectorize(math.erfc, otypes=[float])(-x / math.sqrt(2))


def _gelu_tanh(x: Array, *_: float) -> Array:
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def _hard_sigmoid(x: Array, slope: float, offset: float, *_: float) -> Array:
    return np.clip(slope * x + offset, 0, 1)


def _sigmoid(x: Array, *_: float) -> Array:
    return np.exp(_log_sigmoid(x))


def _log_sigmoid(x: Array, *_: float) -> Array:
    return -np.logaddexp(0, -x)


def _softplus(x: Array, *_: float) -> Array:
    return np.logaddexp(0, x)


def _soft_shrink(x: Array, threshold: float, *_: float) -> Array:
    return np.sign(x) * np.maximum(np.abs(x) - threshold, 0)


def _sparse_plus(x: Array, *_: float) -> Array:
    return np.where(x < 1, np.maximum(x + 1, 0) ** 2 / 4, x)


ACTIVATIONS: dict[str, Callable[..., Array]] = {
    "linear": lambda x, *_: x,
    "relu": _relu,
    "elu": _elu,
    "celu": _celu,
    "selu": _selu,
    "exponential": lambda x, *_: np.exp(x),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hard_sigmoid": _hard_sigmoid,
    "hard_silu": lambda x, slope, offset, _: x * _hard_sigmoid(x, slope, offset),
    "hard_tanh": lambda x, *_: np.clip(x, -1, 1),
    "hard_shrink": lambda x, threshold, *_: np.where(np.abs(x) > threshold, x, 0),
    "log_sigmoid": _log_sigmoid,
    "mish": lambda x, *_: x * np.tanh(_softplus(x)),
    "sigmoid": _sigmoid,
    "silu": lambda x, *_: x * _sigmoid(x),
    "soft_shrink": _soft_shrink,
    "softplus": _softplus,
    "softsign": lambda x, *_: x / (1 + np.abs(x)),
    "sparse_plus": _sparse_plus,
    "sparse_sigmoid": lambda x, *_: np.clip((x + 1) / 2, 0, 1),
    "squareplus": lambda x, b, *_: (x + np.sqrt(x**2 + b)) / 2,
    "tanh": lambda x, *_: np.tanh(x),
    "tanh_shrink": lambda x, *_: x - np.tanh(x),
    "threshold": lambda x, threshold, value, _: np.where(x > threshold, x, value),
}


def _log_softmax(x: Array) -> Array:
    shifted = x - x.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _sparsemax(x: Array) -> Array:
    """Project each row onto the simplex by sorting (Martins and Astudillo, 2016, algorithm 1)."""
    descending = -np.sort(-x, axis=-1)
    excess = np.cumsum(descending, axis=-1) - 1
    counts = np.arange(1, x.shape[-1] + 1)
    support = (descending > excess / counts).sum(axis=-1, keepdims=True)
    tau = np.take_along_axis(excess, support - 1, axis=-1) / support
    return np.maximum(x - tau, 0)


def _glu(x: Array) -> Array:
    values, gates = np.split(x, 2, axis=-1)
    return values * _sigmoid(gates)


ROW_ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "softmax": lambda x: np.exp(_log_softmax(x)),
    "log_softmax": _log_softmax,
    "sparsemax": _sparsemax,
    "glu": _glu,
}


# -------------------------------------------------------------------------- Random numbers


def philox(counters: Array, key: int) -> Array:
    """Compute Philox 4x32 with ten rounds: (N, 4) counters -> (N, 4) numbers, all uint64."""
    lower = np.uint64(2**32 - 1)
    half = np.uint64(32)
    a, b, c, d = (counters[:, place].astype(np.uint64) for place in range(4))
    low, high = key & (2**32 - 1), key >> 32
    for _ in range(10):
        p, q = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b = (q >> half) ^ b ^ np.uint64(low), q & lower
        c, d = (p >> half) ^ d ^ np.uint64(high), p & lower
        low, high = (low + 0x9E3779B9) % 2**32, (high + 0xBB67AE85) % 2**32
    return np.stack([a, b, c, d], axis=1)


def random_bits(key: int, counters: Array, size: int) -> Array:
    """Draw the 32-bit numbers that the elements of an image meet."""
    blocks = 16 * -(-size // 64)
    full = np.empty((blocks, 4), np.uint64)
    full[:, 0] = np.arange(blocks)
    full[:, 1:] = counters
    numbers = philox(full, key).reshape(-1, 16, 4)
    return numbers.transpose(0, 2, 1).reshape(-1)[:size]


def random_normal(key: int, counters: Array, size: int) -> Array:
    """Draw the normal numbers that the elements of an image meet."""
    bits = random_bits(key, counters, size)
    below = (bits & np.uint64(2**31 - 1)).astype(np.float64)
    sign = np.where(bits >> np.uint64(31), -1.0, 1.0)
    return sign * portable.normal_quantile((below + 0.5) / 2**32)
