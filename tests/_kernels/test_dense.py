"""The matrix product against its float64 twin."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.dense import Dense

LINEAR = ("linear", 0.0, np.inf, 0.0)
RELU6 = ("relu", 0.0, 6.0, 0.0)


def arrays(rows: int, depth: int, columns: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw inputs, kernel and bias."""
    random = np.random.default_rng(rows + 1000 * depth + columns)
    return (
        random.standard_normal((rows, depth), dtype=np.float32),
        random.standard_normal((depth, columns), dtype=np.float32),
        random.standard_normal(columns, dtype=np.float32),
    )


def run(inputs, kernel, bias, threads=1, activation=LINEAR):
    """Multiply, into memory that holds NaN where nothing is written."""
    outputs = np.full((len(inputs), kernel.shape[1]), np.nan, np.float32)
    Dense(1, kernel, bias, activation).run(inputs, outputs, threads)
    return outputs


def assert_close(outputs, inputs, kernel, bias, activation=LINEAR):
    """Compare with the twin within the rounding of a dot product."""
    expected = reference.dense(inputs, kernel, bias, activation)
    magnitude = reference.dense_magnitude(inputs, kernel, bias)
    error = np.abs(outputs - expected)
    assert (error <= tolerances.float32_dot(len(kernel), magnitude)).all(), error.max()


def edges(size: int) -> list[int]:
    """Give the sizes around a tile, and primes beyond it."""
    return sorted({1, 2, max(size - 1, 1), size, size + 1, 2 * size + 1, 37, 61})


def test_dense_rows_around_the_tile_match_the_twin(isa):
    for rows in edges(dispatch.gemm_rows()):
        inputs, kernel, bias = arrays(rows, 7, 5)
        assert_close(run(inputs, kernel, bias), inputs, kernel, bias)


def test_dense_columns_around_the_panel_match_the_twin(isa):
    for columns in {*edges(dispatch.lanes()), *edges(2 * dispatch.lanes())}:
        inputs, kernel, bias = arrays(5, 11, columns)
        assert_close(run(inputs, kernel, bias), inputs, kernel, bias)


@pytest.mark.parametrize("depth", [1, 2, 3, 255, 512, 1024, 1600])
def test_dense_depths_match_the_twin(isa, depth):
    inputs, kernel, bias = arrays(dispatch.gemm_rows() + 3, depth, 20)
    assert_close(run(inputs, kernel, bias), inputs, kernel, bias)


def test_dense_without_bias_matches_the_twin(isa):
    inputs, kernel, _ = arrays(9, 8, 33)
    assert_close(run(inputs, kernel, None), inputs, kernel, None)


def test_dense_clamps_in_the_epilogue(isa):
    inputs, kernel, bias = arrays(9, 8, 33)
    outputs = run(inputs, kernel, bias, activation=RELU6)
    assert outputs.min() == 0
    assert outputs.max() == 6
    assert_close(outputs, inputs, kernel, bias, RELU6)


def test_dense_more_rows_than_a_block_match_the_twin(isa):
    inputs, kernel, bias = arrays(300, 700, 3)
    assert_close(run(inputs, kernel, bias, threads=2), inputs, kernel, bias)


@pytest.mark.parametrize("depth", [64, 512])
def test_dense_threads_change_no_bit(isa, depth):
    inputs, kernel, bias = arrays(101, depth, 47)
    once = run(inputs, kernel, bias, threads=1)
    for threads in (2, 7):
        np.testing.assert_array_equal(run(inputs, kernel, bias, threads), once)


def test_dense_a_row_does_not_depend_on_its_neighbours(isa):
    inputs, kernel, bias = arrays(29, 33, 17)
    together = run(inputs, kernel, bias)
    for row in range(29):
        np.testing.assert_array_equal(run(inputs[row : row + 1], kernel, bias), together[row:][:1])


def test_dense_empty_batch_writes_nothing(isa):
    _, kernel, bias = arrays(1, 4, 3)
    assert run(np.empty((0, 4), np.float32), kernel, bias).shape == (0, 3)


def test_dense_lets_nan_and_infinity_through(isa):
    inputs, kernel, bias = arrays(3, 4, 40)
    inputs[1, 2], inputs[2, 0] = np.nan, np.inf
    outputs = run(inputs, kernel, bias, activation=("relu", 0.0, np.inf, 0.0))
    assert np.isfinite(outputs[0]).all()
    assert np.isnan(outputs[1]).all()
    assert np.isin(outputs[2], (0, np.inf)).all()


def test_dense_unknown_activation_is_an_error():
    _, kernel, bias = arrays(1, 4, 3)
    with pytest.raises(ValueError, match="'wiggle'"):
        Dense(1, kernel, bias, ("wiggle", 0.0, 0.0, 0.0))
