"""Scale and shift per channel against its float64 twin."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.executor import Program
from cnnfast._kernels.normalization import ScaleShift


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
