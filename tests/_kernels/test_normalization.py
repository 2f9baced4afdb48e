"""Scale and shift per channel, by constants and by gates, against their float64 twins."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.elementwise import Activate
from cnnfast._kernels.executor import Program
from cnnfast._kernels.normalization import Gate, ScaleShift


def arrays(rows: int, channels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw inputs, scale and shift."""
    random = np.random.default_rng(rows + 1000 * channels)
    return (
        random.standard_normal((rows, channels), dtype=np.float32),
        random.standard_normal(channels, dtype=np.float32),
        random.standard_normal(channels, dtype=np.float32),
    )


def run(inputs, scale, shift, threads=1):
    """Scale and shift, into memory that holds NaN where nothing is written."""
    outputs = np.full(inputs.shape, np.nan, np.float32)
    ScaleShift(len(inputs), len(scale), scale, shift).run(inputs, outputs, threads)
    return outputs


def test_scale_shift_of_any_width_matches_the_twin(isa):
    lanes = dispatch.lanes()
    for channels in (1, 2, 3, lanes - 1, lanes, lanes + 1, 2 * lanes, 37, 1024, 1500):
        for rows in (1, 2, 5, 131):
            inputs, scale, shift = arrays(rows, channels)
            error = np.abs(run(inputs, scale, shift)
                           - reference.scale_shift(inputs, scale, shift))  # fmt: skip
            magnitude = np.abs(inputs * scale) + np.abs(shift)
            assert (error <= tolerances.roundings(2, magnitude)).all(), (rows, channels)


@pytest.mark.parametrize("channels", [1, 3, 16, 1025])
def test_scale_shift_splits_over_threads_without_a_change(isa, threads, channels):
    case = arrays(1 + 9000 // channels, channels)
    np.testing.assert_array_equal(run(*case, threads), run(*case))


@pytest.mark.parametrize("activation", [("relu", 0.0, 1.25, 0.0), ("tanh", 0.0, 0.0, 0.0)])
@pytest.mark.parametrize("shape", [(5, 7), (1, 1025), (700, 3)])
def test_scale_shift_applies_its_activation_as_one_behind_it_would(isa, threads, shape, activation):
    inputs, scale, shift = arrays(*shape)
    outputs = np.full(shape, np.nan, np.float32)
    ScaleShift(*shape, scale, shift, activation).run(inputs, outputs, threads)
    plain = run(inputs, scale, shift)
    expected = np.full(shape, np.nan, np.float32)
    Activate(shape[1], activation).run(plain, expected, 1)
    np.testing.assert_array_equal(outputs, expected)


def test_scale_shift_works_in_place(isa):
    inputs, scale, shift = arrays(700, 3)
    expected = run(inputs, scale, shift)
    ScaleShift(700, 3, scale, shift).run(inputs, inputs, 2)
    np.testing.assert_array_equal(inputs, expected)


# The last image is large enough that a plan shares its units among threads.
@pytest.mark.parametrize(("images", "rows"), [(5, 1), (3, 500), (1, 100_003)])
def test_scale_shift_in_a_plan_gives_the_same_as_alone(isa, threads, images, rows):
    inputs, scale, shift = arrays(images * rows, 3)
    expected = run(inputs, scale, shift)
    kernel = ScaleShift(rows, 3, scale, shift)
    size = 3 * rows
    program = Program([(kernel, (("input", 0, size),), ("output", 0, size))], (size,), (size,), 0)
    outputs = np.full_like(inputs, np.nan)
    program.run([inputs], [outputs], images, threads)
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize("shape", [(0, 3), (4, 0), (0, 0)])
def test_scale_shift_of_nothing_writes_nothing(isa, threads, shape):
    assert run(*arrays(*shape), threads).shape == shape


def test_scale_shift_lets_nan_and_infinity_through(isa):
    inputs, scale, shift = arrays(4, 5)
    inputs[1, 2], inputs[2, 0] = np.nan, np.inf
    outputs = run(inputs, scale, shift)
    np.testing.assert_array_equal(np.isnan(outputs), np.isnan(inputs))
    np.testing.assert_array_equal(np.isinf(outputs), np.isinf(inputs))


# ------------------------------------------------------------------------------------------ Gate


def gated(images: int, rows: int, channels: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw inputs (images, rows * channels) and gates."""
    random = np.random.default_rng(images + 10 * rows + 1000 * channels)
    return (
        random.standard_normal((images, rows * channels), dtype=np.float32),
        random.standard_normal((images, channels), dtype=np.float32),
    )


def run_gate(inputs, gates, threads=1, outputs=None):
    """Gate images, into memory that holds NaN where nothing is written."""
    outputs = np.full(inputs.shape, np.nan, np.float32) if outputs is None else outputs
    channels = gates.shape[1]
    Gate(inputs.shape[1] // max(channels, 1), channels).run(inputs, gates, outputs, threads)
    return outputs


def test_gate_of_any_width_rounds_each_product_once(isa):
    lanes = dispatch.lanes()
    for channels in (1, 2, 3, lanes - 1, lanes, lanes + 1, 2 * lanes, 37, 1024, 1500):
        for rows in (1, 2, 5, 131):
            inputs, gates = gated(3, rows, channels)
            images = inputs.reshape(3, rows, channels)
            expected = reference.gate(images, gates).astype(np.float32).reshape(inputs.shape)
            np.testing.assert_array_equal(run_gate(inputs, gates), expected)


@pytest.mark.parametrize(("images", "rows"), [(5, 1), (3, 700), (1, 100_003)])
@pytest.mark.parametrize("channels", [3, 17])
def test_gate_gives_the_same_in_place_over_threads_and_in_a_plan(
    isa, threads, images, rows, channels
):
    inputs, gates = gated(images, rows, channels)
    expected = run_gate(inputs, gates)
    np.testing.assert_array_equal(run_gate(inputs, gates, threads), expected)
    size = rows * channels
    slots = (("input", 0, size), ("input", 1, channels))
    kernel = Gate(rows, channels)
    program = Program([(kernel, slots, ("output", 0, size))], (size, channels), (size,), 0)
    outputs = np.full_like(inputs, np.nan)
    program.run([inputs, gates], [outputs], images, threads)
    np.testing.assert_array_equal(outputs, expected)
    np.testing.assert_array_equal(run_gate(inputs, gates, threads, outputs=inputs), expected)


@pytest.mark.parametrize("shape", [(0, 2, 3), (4, 0, 3), (4, 2, 0), (0, 0, 0)])
def test_gate_of_nothing_writes_nothing(isa, threads, shape):
    inputs, gates = gated(*shape)
    assert run_gate(inputs, gates, threads).shape == inputs.shape
