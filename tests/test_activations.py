"""Activations as functions on arrays, as names and as what files hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import reference
import tolerances
from cnnfast import activations
from cnnfast.serialization import custom_object_scope

ELEMENTWISE = [name for name, f in activations.ACTIVATIONS.items() if hasattr(f, "activation")]
ROWS = [name for name, f in activations.ACTIVATIONS.items() if hasattr(f, "row")]
KERAS_NAMES = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
]

samples = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    elements=st.floats(-20, 20, width=32),
)


def assert_elementwise(
    outputs: np.ndarray, inputs: np.ndarray, activation: reference.Activation
) -> None:
    name, *parameters = activation
    expected = reference.activate(inputs.astype(np.float64), activation)
    bound = tolerances.activation(name, inputs, expected, *parameters)
    assert outputs.dtype == np.float32
    assert outputs.shape == inputs.shape
    assert (np.abs(outputs - expected) <= bound).all()


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_function_computes_the_activation_that_layers_read(name: str) -> None:
    function = activations.get(name)
    x = np.linspace(-20, 20, 3999, dtype=np.float32).reshape(-1, 3, 1)[:, ::-1]
    assert_elementwise(function(x), x, function.activation)


@given(samples, st.sampled_from(ELEMENTWISE))
def test_function_takes_arrays_of_any_shape(x: np.ndarray, name: str) -> None:
    function = activations.get(name)
    assert_elementwise(function(x), x, function.activation)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_row_function_computes_along_the_axis(name: str, axis: int) -> None:
    x = np.random.default_rng(3).normal(0, 2, (4, 6, 2)).astype(np.float32)
    rows = np.moveaxis(x, axis, -1).astype(np.float64)
    expected = reference.row_activate(rows, name)
    bound = tolerances.row_activation(name, rows, expected)
    outputs = np.moveaxis(activations.get(name)(x, axis=axis), axis, -1)
    assert outputs.shape == expected.shape
    assert (np.abs(outputs - expected) <= bound).all()


@pytest.mark.parametrize("name", ROWS)
def test_row_function_takes_one_row(name: str) -> None:
    x = np.array([0.5, -1.0, 2.0, 0.25], np.float32)
    np.testing.assert_array_equal(activations.get(name)(x), activations.get(name)(x[None])[0])


@pytest.mark.parametrize(
    ("outputs", "activation"),
    [
        (lambda x: activations.relu(x, 0.5, 1.0, -0.5), ("relu", 0.5, 1.0, -0.5)),
        (lambda x: activations.leaky_relu(x, 0.5), ("relu", 0.5, np.inf, 0.0)),
        (lambda x: activations.elu(x, 0.5), ("elu", 0.5, 0.0, 0.0)),
        (lambda x: activations.celu(x, 0.5), ("celu", 0.5, 0.0, 0.0)),
        (lambda x: activations.gelu(x, approximate=True), ("gelu_tanh", 0.0, 0.0, 0.0)),
        (lambda x: activations.hard_shrink(x, 1.5), ("hard_shrink", 1.5, 0.0, 0.0)),
        (lambda x: activations.soft_shrink(x, 1.5), ("soft_shrink", 1.5, 0.0, 0.0)),
        (lambda x: activations.squareplus(x, 1.5), ("squareplus", 1.5, 0.0, 0.0)),
        (lambda x: activations.threshold(x, 0.5, 7.0), ("threshold", 0.5, 7.0, 0.0)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_function_uses_its_arguments(outputs: object, activation: reference.Activation) -> None:
    x = np.linspace(-4, 4, 33, dtype=np.float32)
    assert_elementwise(outputs(x), x, activation)


def test_hard_sigmoid_legacy_is_that_of_keras_1_and_2() -> None:
    x = np.array([-3, -2.5, -1, 0, 1, 2.5, 3], np.float32)
    np.testing.assert_allclose(
        activations.hard_sigmoid_legacy(x),
        [0, 0, 0.3, 0.5, 0.7, 1, 1],
        atol=tolerances.roundings(3, 1.0),
    )
    assert activations.hard_sigmoid(np.float32(-2.75)) > 0


def test_integers_and_lists_are_taken_as_float32() -> None:
    outputs = activations.relu([-1, 0, 2])
    assert outputs.dtype == np.float32
    np.testing.assert_array_equal(outputs, [0, 0, 2])


def test_strings_are_refused() -> None:
    with pytest.raises(TypeError, match="must hold real numbers"):
        activations.relu(np.array(["a"]))


def test_inputs_are_left_alone() -> None:
    x = np.array([-1.0, 1.0], np.float32)
    activations.relu(x)
    np.testing.assert_array_equal(x, [-1, 1])


@pytest.mark.parametrize("name", KERAS_NAMES)
def test_get_knows_every_name_of_keras(name: str) -> None:
    function = activations.get(name)
    assert activations.get(activations.serialize(function)) is function


def test_get_of_none_is_linear() -> None:
    assert activations.get(None) is activations.linear


def test_get_of_a_function_is_the_function() -> None:
    assert activations.get(activations.tanh) is activations.tanh


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "function", "config": "relu", "module": "builtins"},
        {"class_name": "function", "config": "relu", "registered_name": "relu"},
    ],
)
def test_get_reads_the_dicts_of_files(config: dict[str, str]) -> None:
    assert activations.get(config) is activations.relu


@pytest.mark.parametrize(
    "identifier", ["nothing", "LeakyReLU", "threshold", "__class__", "get", 3, {"config": 3}]
)
def test_get_of_anything_else_lists_what_is_known(identifier: object) -> None:
    with pytest.raises(ValueError, match=r"sigmoid|described by a name"):
        activations.get(identifier)


def test_aliases_are_serialized_under_the_current_name() -> None:
    assert activations.serialize(activations.get("swish")) == "silu"
    assert activations.serialize(activations.get("hard_swish")) == "hard_silu"


def test_serialize_refuses_foreign_functions_even_of_a_known_name() -> None:
    def relu(x: np.ndarray) -> np.ndarray:
        return x

    with pytest.raises(ValueError, match="There is no activation"):
        activations.serialize(relu)


def test_deserialize_prefers_the_callers_objects() -> None:
    assert activations.deserialize("relu", {"relu": activations.tanh}) is activations.tanh
    with custom_object_scope({"bent": activations.elu}):
        assert activations.get("bent") is activations.elu
