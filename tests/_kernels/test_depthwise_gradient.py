"""Gradients of depthwise convolutions against sums in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels.depthwise_gradient import DepthwiseInputGradient, DepthwiseKernelGradient
from cnnfast._kernels.repack import Repacker
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.gradients import packing_of, rule_of

# (H, W), (R, S) and further arguments of the convolution
WINDOWS: list[Any] = [
    ((6, 7), (3, 3), {"padding": ((1, 1), (1, 1))}),
    ((7, 8), (3, 3), {"strides": (2, 2), "padding": ((0, 1), (1, 1))}),
    ((1, 23), (1, 7), {"padding": ((0, 0), (6, 0))}),
    ((11, 9), (5, 5), {"padding": ((2, 2), (2, 2))}),
    ((9, 11), (2, 4), {"strides": (3, 2), "dilation": (2, 2)}),
    ((5, 6), (2, 1), {"padding": ((3, 0), (0, 2))}),
]
CHANNELS = (1, 3, 8, 15, 16, 17, 33)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(12)


def normal(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def geometry(op: Depthwise, shape: Any) -> tuple[Any, ...]:
    origin = op.padding[0][0], op.padding[1][0]
    return shape, op.output_shape(shape), origin


def input_kernel(op: Depthwise, shape: Any) -> DepthwiseInputGradient:
    shape, gradient, origin = geometry(op, shape)
    filters = np.ascontiguousarray(op.kernel[::-1, ::-1].transpose(0, 1, 3, 2))
    return DepthwiseInputGradient(shape, gradient, filters, op.strides, origin, op.dilation)


def scattered(op: Depthwise, shape: Any, dy: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Give each pixel of the input what every tap passes back to it."""
    (R, S, C, M), (top, bottom), (left, right) = kernel.shape, *op.padding
    padded = np.zeros((len(dy), shape[0] + top + bottom, shape[1] + left + right, C))
    P, Q = dy.shape[1:3]
    shares = dy.reshape(len(dy), P, Q, C, M).astype(np.float64)
    for r, s in np.ndindex(R, S):
        rows = r * op.dilation[0] + op.strides[0] * np.arange(P)
        columns = s * op.dilation[1] + op.strides[1] * np.arange(Q)
        padded[:, rows[:, None], columns] += (shares * kernel[r, s]).sum(axis=-1)
    return padded[:, top : top + shape[0], left : left + shape[1]]


@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_input_gradient_is_what_taps_pass_back(
    isa: str, rng: np.random.Generator, window: Any, multiplier: int, threads: int
) -> None:
    size, taps, options = window
    for channels in CHANNELS:
        shape = (*size, channels)
        op = Depthwise(normal(rng, *taps, channels, multiplier), **options)
        dy = normal(rng, 3, *op.output_shape(shape))
        kernel = input_kernel(op, shape)
        found = np.full((3, *shape), np.nan, np.float32)
        kernel.run(dy, found, threads)
        magnitude = scattered(op, shape, np.abs(dy), np.abs(op.kernel))
        error = tolerances.float32_dot(taps[0] * taps[1] * multiplier, magnitude)
        assert np.all(np.abs(found - scattered(op, shape, dy, op.kernel)) <= error)
        # One image alone has the bits that it has among others.
        alone = np.empty((1, *shape), np.float32)
        kernel.run(dy[2:], alone, 1)
        np.testing.assert_array_equal(alone[0], found[2])


@pytest.mark.parametrize("multiplier", [1, 3])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_kernel_gradient_adds_the_sum_over_pixels(
    isa: str, rng: np.random.Generator, window: Any, multiplier: int
) -> None:
    size, taps, options = window
    for channels in CHANNELS:
        shape = (*size, channels)
        op = Depthwise(normal(rng, *taps, channels, multiplier), **options)
        x, dy = normal(rng, 2, *shape), normal(rng, 2, *op.output_shape(shape))
        shape, gradient, origin = geometry(op, shape)
        kernel = DepthwiseKernelGradient(
            shape, gradient, op.kernel.shape, op.strides, origin, op.dilation
        )
        old = normal(rng, *op.kernel.shape)
        found = old.copy()
        kernel.run(x, dy, found)
        # Of each tap alone the convolution is x, moved; its products with dy are summed.
        pixels = dy[0, ..., 0].size * 2
        for r, s in np.ndindex(*taps):
            tap = np.zeros((*taps, 1, channels * multiplier), np.float32)
            tap[r, s] = 1
            moved = reference.convolution(x, tap, groups=channels, **options)
            sums = (moved * dy).sum(axis=(0, 1, 2)).reshape(channels, multiplier)
            magnitude = np.abs(moved * dy).sum(axis=(0, 1, 2)).reshape(channels, multiplier)
            error = tolerances.float32_dot(pixels, magnitude + np.abs(old[r, s]))
            assert np.all(np.abs(found[r, s] - old[r, s] - sums) <= error)


def test_gradients_of_no_images_are_empty_or_add_nothing(isa: str) -> None:
    op = Depthwise(np.ones((3, 3, 5, 1), np.float32), strides=(2, 2))
    shape, gradient, origin = geometry(op, (7, 7, 5))
    empty = np.empty((0, *shape), np.float32), np.empty((0, *gradient), np.float32)
    input_kernel(op, shape).run(empty[1], empty[0], 2)
    total = np.ones(op.kernel.shape, np.float32)
    DepthwiseKernelGradient(shape, gradient, op.kernel.shape, op.strides, origin, op.dilation).run(
        *empty, total
    )
    assert np.all(total == 1)


@pytest.mark.parametrize("multiplier", [1, 2])
@pytest.mark.parametrize("window", WINDOWS, ids=str)
def test_repacker_gives_the_kernels_of_fresh_weights(
    isa: str, rng: np.random.Generator, window: Any, multiplier: int
) -> None:
    size, taps, options = window
    shape = (*size, 19)
    kernel, bias = normal(rng, *taps, 19, multiplier), normal(rng, 19 * multiplier)
    forward = Depthwise(kernel, bias, **options)
    rule = rule_of(forward, (shape,))
    assert rule is not None
    back: Any = rule.inputs[0]
    shapes = shape, forward.output_shape(shape)
    ops = forward, back.op
    prepared = [op.prepare(seen) for op, seen in zip(ops, shapes, strict=True)]
    packings: list[Any] = [packing_of(op) for op in ops]
    repacker = Repacker([(one, *packing) for one, packing in zip(prepared, packings, strict=True)])
    kernel[...], bias[...] = normal(rng, *kernel.shape), normal(rng, *bias.shape)
    repacker.run(1)
    for op, old, seen, made in zip(ops, prepared, shapes, shapes[::-1], strict=True):
        x = normal(rng, 2, *seen)
        results = [np.empty((2, *made), np.float32) for _ in range(2)]
        old.run(x, results[0], 1)
        op.prepare(seen).run(x, results[1], 1)
        np.testing.assert_array_equal(*results)
