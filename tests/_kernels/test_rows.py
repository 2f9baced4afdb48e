"""Functions of whole rows against their float64 twins."""

from __future__ import annotations

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.elementwise import RowActivate, row_activations
from cnnfast._kernels.executor import Program

NAMES = row_activations()
OF_ONE_LENGTH = tuple(name for name in NAMES if name != "glu")


def run(inputs: np.ndarray, name: str, threads: int = 1) -> np.ndarray:
    """Apply to each row, into memory that holds NaN where nothing is written."""
    rows, columns = inputs.shape
    outputs = np.full((rows, columns // 2 if name == "glu" else columns), np.nan, np.float32)
    RowActivate(name, max(rows, 1), columns).run(inputs, outputs, threads)
    return outputs


def normal(*shape: int) -> np.ndarray:
    """Draw rows whose largest entries lie well apart."""
    return 2 * np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def assert_matches_twin(inputs: np.ndarray, name: str) -> None:
    """Compare with the twin within the rounding of a row."""
    expected = reference.row_activate(inputs.astype(np.float64), name)
    error = np.abs(run(inputs, name) - expected)
    assert (error <= tolerances.row_activation(name, inputs, expected)).all(), error.max()


def test_every_row_kernel_has_a_twin():
    assert set(NAMES) == set(reference.ROW_ACTIVATIONS)


@pytest.mark.parametrize("name", NAMES)
def test_row_function_of_any_length_matches_the_twin(isa, name):
    lanes = dispatch.lanes()
    for length in (1, 2, 3, lanes - 1, lanes, lanes + 1, 2 * lanes, 37, 1000, 1021):
        assert_matches_twin(normal(5, 2 * length if name == "glu" else length), name)


@pytest.mark.parametrize("name", NAMES)
def test_row_function_splits_over_threads_without_a_change(isa, threads, name):
    inputs = normal(29, 22)
    np.testing.assert_array_equal(run(inputs, name, threads), run(inputs, name))


@pytest.mark.parametrize("name", NAMES)
def test_row_function_of_a_row_does_not_depend_on_its_neighbours(isa, name):
    inputs = normal(7, 22)
    together = run(inputs, name)
    for row in range(7):
        np.testing.assert_array_equal(run(inputs[row : row + 1], name), together[row : row + 1])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(0, 6), (3, 0), (0, 0)])
def test_row_function_of_nothing_writes_nothing(isa, name, shape):
    assert run(np.empty(shape, np.float32), name).size == 0


@pytest.mark.parametrize("name", OF_ONE_LENGTH)
def test_row_function_works_in_place(isa, name):
    inputs = normal(7, 37)
    expected = run(inputs, name)
    RowActivate(name, 7, 37).run(inputs, inputs, 1)
    np.testing.assert_array_equal(inputs, expected)


@pytest.mark.parametrize("name", NAMES)
def test_row_function_in_a_plan_gives_the_same_as_alone(isa, threads, name):
    inputs = normal(3, 7, 22).reshape(21, 22)
    expected = run(inputs, name)
    sizes = 7 * 22, 7 * expected.shape[1]
    kernel = RowActivate(name, 7, 22)
    program = Program([(kernel, (("input", 0, sizes[0]),), ("output", 0, sizes[1]))],
                      sizes[:1], sizes[1:], 0)  # fmt: skip
    outputs = np.full_like(expected, np.nan)
    program.run([inputs], [outputs], 3, threads)
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize(
    ("name", "whole"), [("softmax", 1.0), ("log_softmax", 0.0), ("sparsemax", 1.0)]
)
def test_row_of_length_one_is_certain(isa, name, whole):
    inputs = np.array([[-1e30], [-3.5], [0.0], [1e30]], np.float32)
    np.testing.assert_array_equal(run(inputs, name), whole)


@pytest.mark.parametrize(
    ("name", "nothing"), [("softmax", 0.0), ("log_softmax", -np.inf), ("sparsemax", 0.0)]
)
def test_row_entries_of_minus_infinity_have_no_part(isa, name, nothing):
    inputs = normal(4, 21)
    kept = np.arange(21) % 3 > 0
    inputs[:, ~kept] = -np.inf
    outputs = run(inputs, name)
    np.testing.assert_array_equal(outputs[:, ~kept], nothing)
    rest = np.ascontiguousarray(inputs[:, kept])
    expected = reference.row_activate(rest.astype(np.float64), name)
    bound = tolerances.row_activation(name, rest, expected)
    assert (np.abs(outputs[:, kept] - expected) <= bound).all()


@pytest.mark.parametrize("name", OF_ONE_LENGTH)
@pytest.mark.parametrize("spoiler", [np.nan, np.inf])
def test_row_with_nan_or_infinity_spoils_itself_only(isa, name, spoiler):
    for column in (0, 5, 20):
        inputs = normal(3, 21)
        inputs[1, column] = spoiler
        np.testing.assert_array_equal(
            np.isnan(run(inputs, name)), np.repeat([[False], [True], [False]], 21, axis=1)
        )


@pytest.mark.parametrize("name", OF_ONE_LENGTH)
def test_row_entirely_minus_infinity_is_nan(isa, name):
    assert np.isnan(run(np.full((2, 21), -np.inf, np.float32), name)).all()


@pytest.mark.parametrize("name", OF_ONE_LENGTH)
def test_row_of_large_values_does_not_overflow(isa, name):
    inputs = np.array([[1e30, -1e30, 1e30], [3e38, 1e38, -3e38]], np.float32)
    expected = {
        "softmax": [[0.5, 0, 0.5], [1, 0, 0]],
        "sparsemax": [[0.5, 0, 0.5], [1, 0, 0]],
        "log_softmax": [[-np.log(2), -2e30, -np.log(2)], [0, -2e38, -np.inf]],
    }[name]
    np.testing.assert_allclose(run(inputs, name), expected, rtol=1e-6)


def test_softmax_does_not_depend_on_a_shift(isa):
    inputs = np.round(normal(5, 37) * 64) / 64
    np.testing.assert_array_equal(run(inputs + 256, "softmax"), run(inputs, "softmax"))


@pytest.mark.parametrize("length", [1, 2, 10, 1000])
def test_sparsemax_sums_to_one_with_exact_zeros(isa, length):
    outputs = run(normal(9, length), "sparsemax")
    assert (outputs >= 0).all()
    assert np.abs(outputs.sum(axis=1, dtype=np.float64) - 1).max() <= tolerances.float32_sum(length)
    assert length < 10 or (outputs == 0).any()


def test_sparsemax_of_equal_entries_is_uniform(isa):
    for length in (2, 3, 8, 100):
        np.testing.assert_allclose(
            run(np.full((1, length), 7, np.float32), "sparsemax"), 1 / length, rtol=1e-6
        )


def test_glu_of_infinite_gates_is_all_or_nothing(isa):
    inputs = np.array([[3.0, -4.0, np.inf, -np.inf]], np.float32)
    np.testing.assert_array_equal(run(inputs, "glu"), [[3.0, -0.0]])


def test_unknown_row_function_is_an_error():
    with pytest.raises(ValueError, match="'hardmax'"):
        RowActivate("hardmax", 1, 3)
