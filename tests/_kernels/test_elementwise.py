"""Activations, sums and slopes against their float64 twins."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.elementwise import Activate, Cast, Combine, Prelu, pairs
from cnnfast._kernels.executor import Program

# Up to three parameters, none of which another activation would be right with.
PARAMETERS = {
    "relu": (0.25, 6.0, 0.5),
    "elu": (1.5,),
    "celu": (1.5,),
    "hard_sigmoid": (0.25, 0.5),
    "hard_silu": (0.25, 0.5),
    "hard_shrink": (0.75,),
    "soft_shrink": (0.75,),
    "squareplus": (3.0,),
    "threshold": (0.5, -7.0),
}

# What micro/elementwise.h claims, in units in the last place, on inputs from -87 to 88.
CLAIMED_ULPS = {
    "exponential": 1.25,
    "elu": 2.0,
    "celu": 2.5,
    "selu": 2.0,
    "sigmoid": 2.5,
    "silu": 3.25,
    "tanh": 2.75,
    "tanh_shrink": 3.5,
    "softplus": 2.25,
    "log_sigmoid": 2.25,
    "mish": 4.0,
    "gelu": 7.0,
}

EDGES = np.array(
    [0.0, -0.0, 1e-45, -1e-45, 1e-38, -1e-38, 1e-20, -1e-20, 1.0, -1.0, 20.0, -20.0, 88.0, -88.0,
     89.0, -89.0, 104.0, -104.0, 1e10, -1e10, 1e30, -1e30, 3e38, -3e38],
    np.float32,
)  # fmt: skip


def activation_tuple(name: str) -> reference.Activation:
    """Complete the parameters of an activation."""
    return (name, *(*PARAMETERS.get(name, ()), 0.0, 0.0, 0.0)[:3])


def activate(inputs: np.ndarray, name: str, threads: int = 1) -> np.ndarray:
    """Activate images, into memory that holds NaN where nothing is written."""
    outputs = np.full(inputs.shape, np.nan, np.float32)
    Activate(inputs.shape[1], activation_tuple(name)).run(inputs, outputs, threads)
    return outputs


def twin(inputs: np.ndarray, name: str) -> np.ndarray:
    """Activate in float64; what float32 cannot hold is infinite."""
    with np.errstate(all="ignore"):
        exact = reference.activate(np.asarray(inputs, np.float64), activation_tuple(name))
        return np.where(np.isinf(exact.astype(np.float32)), np.copysign(np.inf, exact), exact)


def assert_matches_twin(inputs: np.ndarray, name: str) -> None:
    """Compare with the twin within the activation's own rounding."""
    outputs, expected = activate(inputs, name), twin(inputs, name)
    _, *parameters = activation_tuple(name)
    finite = np.isfinite(expected)
    bound = tolerances.activation(name, inputs[finite], expected[finite], *parameters)
    error = np.abs(outputs[finite] - expected[finite])
    assert (error <= bound).all(), (name, inputs[finite][np.argmax(error - bound)])
    np.testing.assert_array_equal(outputs[~finite], expected[~finite])


def sizes() -> list[int]:
    """Give the sizes around a vector and around a unit, and primes."""
    lanes = dispatch.lanes()
    return [1, 2, lanes - 1, lanes, lanes + 1, 2 * lanes + 1, 37, 1021, 1024, 1025, 2053]


def normal(*shape: int) -> np.ndarray:
    """Draw values that reach both tails of every activation."""
    return 3 * np.random.default_rng(list(shape)).standard_normal(shape, dtype=np.float32)


def test_every_activation_kernel_has_a_twin():
    assert set(dispatch.activations()) == set(reference.ACTIVATIONS)


def test_every_activation_of_any_size_matches_the_twin(isa):
    for name in dispatch.activations():
        for size in sizes():
            assert_matches_twin(normal(2, size), name)


def test_every_activation_at_the_edges_of_float32_matches_the_twin(isa):
    for name in dispatch.activations():
        assert_matches_twin(EDGES[None], name)


def test_every_activation_of_nan_is_nan(isa):
    for name in dispatch.activations():
        inputs = np.array([[1.0, np.nan, -1.0]], np.float32)
        np.testing.assert_array_equal(np.isnan(activate(inputs, name)), np.isnan(inputs), name)


def test_every_activation_of_infinity_is_its_limit(isa):
    far = np.array([[-1e30, 1e30]], np.float32)
    for name in dispatch.activations():
        limit = twin(far, name)
        limit = np.where(np.abs(limit) > 1e9, np.copysign(np.inf, limit), limit)
        np.testing.assert_array_equal(
            activate(np.copysign(np.float32(np.inf), far), name), limit.astype(np.float32), name
        )


def test_relu_without_slope_of_minus_infinity_is_zero(isa):
    outputs = np.full((1, 1), np.nan, np.float32)
    inputs = np.full((1, 1), -np.inf, np.float32)
    Activate(1, ("relu", 0.0, np.inf, 0.5)).run(inputs, outputs, 1)
    assert outputs[0, 0] == 0


def test_every_activation_splits_over_threads_without_a_change(isa, threads):
    for name in dispatch.activations():
        inputs = normal(3, 1500)
        np.testing.assert_array_equal(activate(inputs, name, threads), activate(inputs, name))


def test_every_activation_of_an_element_does_not_depend_on_its_place(isa):
    for name in dispatch.activations():
        inputs = normal(1, 2 * dispatch.lanes() + 1)
        alone = np.concatenate([activate(x[None, None], name) for x in inputs[0]], axis=1)
        np.testing.assert_array_equal(activate(inputs, name), alone)


def test_every_activation_works_in_place(isa):
    for name in dispatch.activations():
        inputs = normal(2, 1500)
        expected = activate(inputs, name)
        Activate(1500, activation_tuple(name)).run(inputs, inputs, 2)
        np.testing.assert_array_equal(inputs, expected)


@cache
def sweep(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Give floats of every exponent between -87 and 88, and the activation of each."""
    bits = np.arange(1, 0x7F800000, 8191, dtype=np.uint32)  # a prime: all low bits are met
    positive = bits.view(np.float32)
    even = np.linspace(-87, 88, 200_003, dtype=np.float32)
    inputs = np.concatenate([-positive, positive, even])
    inputs = inputs[(inputs > -87) & (inputs < 88)]
    if name == "tanh_shrink":  # x - tanh(x) cancels in the twin
        inputs = inputs[np.abs(inputs) > 1e-3]
    return inputs, twin(inputs, name)


@pytest.mark.parametrize("name", CLAIMED_ULPS)
def test_activation_over_a_dense_grid_errs_by_no_more_than_it_claims(isa, name):
    inputs, expected = sweep(name)
    outputs = activate(inputs[None], name)[0]
    smallest = np.finfo(np.float32).tiny
    ulps = np.abs(outputs - expected) / np.spacing(np.abs(expected).astype(np.float32))
    ulps = np.where(np.abs(expected) < smallest, 0, ulps)
    assert ulps.max() <= CLAIMED_ULPS[name], (inputs[ulps.argmax()], ulps.max())


def test_exponential_leaves_the_range_of_float32_where_the_exact_one_does(isa):
    inputs = np.array([[88.72283, 88.72284, -87.4, -103.2, -104.0, -200.0]], np.float32)
    outputs = activate(inputs, "exponential")[0]
    assert np.isfinite(outputs[0])
    assert outputs[1] == np.inf
    assert 0 < outputs[2] < np.finfo(np.float32).tiny
    assert outputs[3] == np.float32(1e-45)
    np.testing.assert_array_equal(outputs[4:], 0)


def test_unknown_activation_is_an_error():
    with pytest.raises(ValueError, match="'wiggle'"):
        Activate(3, ("wiggle", 0.0, 0.0, 0.0))


# -------------------------------------------------------------------------- Combine, Cast, Prelu


def combine(name: str, *inputs: np.ndarray, threads: int = 1) -> np.ndarray:
    outputs = np.full(inputs[0].shape, np.nan, np.float32)
    Combine(name, inputs[0].shape[1], len(inputs)).run(*inputs, outputs, threads)
    return outputs


def prelu(inputs: np.ndarray, slopes: np.ndarray, threads: int = 1) -> np.ndarray:
    outputs = np.full(inputs.shape, np.nan, np.float32)
    Prelu(inputs.shape[1], slopes).run(inputs, outputs, threads)
    return outputs


@pytest.mark.parametrize("name", pairs())
def test_combination_of_any_size_matches_the_twin(isa, name):
    for size in sizes():
        for count in (1, 2, 3, 5):
            inputs = [normal(k, 2, size)[0] for k in range(1, count + 1)]
            fold = "multiply" if name == "multiply" else "add"
            magnitude = reference.combine(fold, *map(np.abs, inputs))
            error = np.abs(combine(name, *inputs) - reference.combine(name, *inputs))
            assert (error <= tolerances.float32_sum(count, magnitude)).all()
            if name in ("maximum", "minimum"):
                assert not error.any()


@pytest.mark.parametrize("name", pairs())
def test_combination_splits_over_threads_without_a_change(isa, threads, name):
    inputs = [normal(3, 1500), normal(3, 1500) * 2, normal(3, 1500) - 1]
    np.testing.assert_array_equal(combine(name, *inputs, threads=threads), combine(name, *inputs))


@pytest.mark.parametrize("place", [0, 1])
@pytest.mark.parametrize("name", pairs())
def test_combination_into_one_of_the_first_two_inputs_gives_the_same(isa, name, place):
    inputs = [normal(2, 1500), normal(1, 3000).reshape(2, 1500), normal(2, 1500) - 1]
    expected = combine(name, *inputs)
    Combine(name, 1500, 3).run(*inputs, inputs[place], 1)
    np.testing.assert_array_equal(inputs[place], expected)


@pytest.mark.parametrize("name", pairs())
def test_combination_with_nan_on_either_side_is_nan(isa, name):
    one = np.array([[np.nan, 1, np.nan, -2]], np.float32).repeat(9, axis=1)
    other = np.array([[1, np.nan, np.nan, -3]], np.float32).repeat(9, axis=1)
    expected = np.isnan(one) | np.isnan(other)
    np.testing.assert_array_equal(np.isnan(combine(name, one, other)), expected)


def test_unknown_combination_is_an_error():
    with pytest.raises(ValueError, match="'divide'"):
        Combine("divide", 3, 2)


def test_cast_of_any_size_rounds_to_the_nearest_float(isa, threads):
    for size in sizes():
        inputs = np.arange(2 * size, dtype=np.int32).reshape(2, size) * 1_000_003 - 16_777_217
        outputs = np.full((2, size), np.nan, np.float32)
        Cast(size).run(inputs, outputs, threads)
        np.testing.assert_array_equal(outputs, inputs.astype(np.float32))


def test_prelu_of_any_period_matches_the_twin(isa):
    lanes = dispatch.lanes()
    for period in (1, 2, 3, lanes - 1, lanes, lanes + 1, 37, 1024, 1500):
        inputs, slopes = normal(2, 3 * period), normal(period)
        expected = reference.prelu(inputs.reshape(-1, period), slopes).reshape(2, -1)
        error = np.abs(prelu(inputs, slopes) - expected)
        assert (error <= tolerances.roundings(1, expected)).all(), period


def test_prelu_splits_over_threads_without_a_change(isa, threads):
    inputs, slopes = normal(5, 1500), normal(3)
    np.testing.assert_array_equal(prelu(inputs, slopes, threads), prelu(inputs, slopes))


# ---------------------------------------------------------------------------------- every kernel

KERNELS = {
    "activate": lambda size: (Activate(size, activation_tuple("gelu")), 1),
    "add": lambda size: (Combine("add", size, 3), 3),
    "prelu": lambda size: (Prelu(size, normal(size)), 1),
}


@pytest.mark.parametrize("name", KERNELS)
@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)])
def test_kernel_of_nothing_writes_nothing(isa, threads, name, shape):
    kernel, count = KERNELS[name](shape[1])
    outputs = np.empty(shape, np.float32)
    kernel.run(*[np.empty(shape, np.float32)] * count, outputs, threads)
    assert outputs.shape == shape


def run_program(kernel, inputs, threads):
    """Run one kernel as a plan does, by its block function."""
    images, size = inputs[0].shape
    slots = tuple(("input", k, size) for k in range(len(inputs)))
    program = Program([(kernel, slots, ("output", 0, size))], (size,) * len(inputs), (size,), 0)
    outputs = np.full((images, size), np.nan, np.float32)
    program.run(inputs, [outputs], images, threads)
    return outputs


# The last image is large enough that a plan shares its units among threads.
@pytest.mark.parametrize("shape", [(5, 1), (5, 1500), (2, 2048), (1, 300_007)])
@pytest.mark.parametrize("name", KERNELS)
def test_kernel_in_a_plan_gives_the_same_as_alone(isa, name, shape):
    kernel, count = KERNELS[name](shape[1])
    inputs = [normal(*shape) + k for k in range(count)]
    alone = np.full(shape, np.nan, np.float32)
    kernel.run(*inputs, alone, 1)
    for threads in (1, 2, 7):
        np.testing.assert_array_equal(run_program(kernel, inputs, threads), alone)


def test_cast_of_nothing_writes_nothing(isa):
    for shape in ((0, 5), (3, 0)):
        Cast(shape[1]).run(np.empty(shape, np.int32), np.empty(shape, np.float32), 2)
