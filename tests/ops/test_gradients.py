"""Gradients of operations' inputs against sums in float64, and weights packed again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels.repack import Repacker
from cnnfast.ops.base import Op
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.gradients import packing_of, rule_of

# (H, W, C), (R, S), K and further arguments of the convolution
CONVOLUTIONS: list[Any] = [
    ((6, 7, 5), (3, 3), 4, {}),
    ((6, 7, 5), (1, 1), 9, {}),
    ((6, 7, 3), (3, 3), 17, {"padding": ((1, 1), (1, 1))}),
    ((9, 9, 40), (3, 3), 48, {"padding": ((1, 1), (1, 1))}),
    ((9, 8, 40), (5, 5), 48, {"padding": ((2, 2), (0, 0))}),
    ((9, 8, 3), (3, 2), 6, {"strides": (2, 3), "padding": ((1, 0), (0, 1))}),
    ((1, 20, 4), (1, 5), 8, {"dilation": (1, 2), "padding": ((0, 0), (8, 0))}),
    ((1, 40, 33), (1, 7), 40, {"padding": ((0, 0), (3, 3))}),
    ((2, 30, 40), (1, 3), 48, {"dilation": (1, 4), "padding": ((0, 0), (8, 0))}),
    ((6, 6, 4), (3, 3), 6, {"groups": 2, "padding": ((1, 1), (1, 1))}),
    ((7, 6, 4), (2, 2), 6, {"groups": 2, "strides": (2, 2)}),
    ((5, 5, 2), (2, 2), 3, {"padding": ((3, 2), (3, 2))}),
]


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(9)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def run(op: Op, *arrays: np.ndarray) -> np.ndarray:
    """Apply an operation of one input to images."""
    shape = arrays[0].shape[1:]
    outputs = np.empty((len(arrays[0]), *op.output_shape(shape)), np.float32)
    kernel = op.prepare(shape)
    flat = type(kernel).__name__ == "Dense"
    seen = [array.reshape(-1, array.shape[-1]) if flat else array for array in (*arrays, outputs)]
    kernel.run(*seen, 1)
    return outputs


def input_gradient(op: Op, shape: tuple[int, ...]) -> Op:
    rule = rule_of(op, (shape,))
    assert rule is not None
    assert rule.inputs[0] is not None
    gradient = rule.inputs[0].op
    assert gradient is not None
    return gradient


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_convolution_input_gradient_is_the_transpose(
    isa: str, rng: np.random.Generator, case: Any
) -> None:
    shape, window, filters, options = case
    kernel = normal(rng, *window, shape[2] // options.get("groups", 1), filters)
    op = Convolution(kernel, **options)
    dy = normal(rng, 2, *op.output_shape(shape))
    found = run(input_gradient(op, shape), dy)
    # <A x, dy> = <x, A^T dy> for each x that is 1 in one place.
    unit = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    columns = reference.convolution(unit, kernel, **options).reshape(len(unit), -1)
    expected = dy.reshape(2, -1) @ columns.T
    magnitude = np.abs(dy).reshape(2, -1) @ np.abs(columns).T
    # Winograd's sums may err three times as much as direct ones, relative to the largest.
    error = 3 * tolerances.float32_dot(window[0] * window[1] * filters, magnitude.max())
    assert np.all(np.abs(found.reshape(2, -1) - expected) <= error)


def test_dense_input_gradient_is_the_transpose(isa: str, rng: np.random.Generator) -> None:
    kernel, dy = normal(rng, 19, 33), normal(rng, 4, 33)
    found = run(input_gradient(Dense(kernel), (19,)), dy)
    expected = reference.dense(dy, kernel.T)
    error = tolerances.float32_dot(33, reference.dense_magnitude(dy, kernel.T))
    assert np.all(np.abs(found - expected) <= error)


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_repacker_gives_the_kernels_of_fresh_weights(
    isa: str, rng: np.random.Generator, case: Any, threads: int
) -> None:
    shape, window, filters, options = case
    kernel = normal(rng, *window, shape[2] // options.get("groups", 1), filters)
    bias = normal(rng, filters)
    forward = Convolution(kernel, bias, **options)
    back = input_gradient(forward, shape)
    gradient_shape = forward.output_shape(shape)
    prepared = [forward.prepare(shape), back.prepare(gradient_shape)]
    packings = [packing_of(op) for op in (forward, back)]
    repacker = Repacker([(one, *packing) for one, packing in zip(prepared, packings, strict=True)])
    kernel[...], bias[...] = normal(rng, *kernel.shape), normal(rng, filters)
    repacker.run(threads)
    fresh = [forward.prepare(shape), back.prepare(gradient_shape)]
    inputs = normal(rng, 2, *shape), normal(rng, 2, *gradient_shape)
    for one, other, x, outputs in zip(
        prepared, fresh, inputs, (gradient_shape, shape), strict=True
    ):
        results = [np.empty((2, *outputs), np.float32) for _ in range(2)]
        for found, result in zip((one, other), results, strict=True):
            flat = type(found).__name__ == "Dense"
            arrays = [a.reshape(-1, a.shape[-1]) if flat else a for a in (x, result)]
            found.run(*arrays, 1)
        np.testing.assert_array_equal(*results)
