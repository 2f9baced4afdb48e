"""Layers: arguments, building, calling, variables, places in models, configs."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

from cnnfast.engine.input_layer import Input
from exact import dense_by_hand, integers, with_integer_weights
from toylayers import Matrix, Square, Twice


@pytest.fixture
def layer() -> Matrix:
    built = Matrix(4, name="scores")
    built.build((None, 3))
    return with_integer_weights(built)


# ---- arguments


def test_layer_unknown_argument_is_named() -> None:
    with pytest.raises(TypeError, match=r"passed to Matrix: \{'filter': 3\}"):
        Matrix(4, filter=3)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"input_shape": (28, 1)}, (None, 28, 1)),
        ({"input_dim": 8}, (None, 8)),
        ({"batch_input_shape": (2, 8)}, (2, 8)),
        ({"batch_shape": [None, 8]}, (None, 8)),
        ({"input_shape": (8,), "batch_size": 5}, (5, 8)),
        ({}, None),
    ],
    ids=str,
)
def test_layer_declared_input_shape_is_kept(
    arguments: dict[str, Any], expected: tuple[int, ...] | None
) -> None:
    assert Matrix(4, **arguments).declared_input_shape == expected


@pytest.mark.parametrize(
    "dtype",
    [
        None,
        "float32",
        np.float32,
        np.dtype("float32"),
        {"module": "keras", "class_name": "DTypePolicy", "config": {"name": "float32"}},
    ],
    ids=["none", "name", "type", "dtype", "policy"],
)
def test_layer_dtype_in_any_form_is_written_as_policy(dtype: Any) -> None:
    assert Matrix(4, name="a", dtype=dtype).get_config() == {
        "name": "a",
        "trainable": True,
        "dtype": {
            "module": "keras",
            "class_name": "DTypePolicy",
            "config": {"name": "float32"},
            "registered_name": None,
        },
        "units": 4,
    }


def test_layer_mixed_precision_policy_survives_the_config() -> None:
    config = Matrix(4, dtype="mixed_float16").get_config()
    assert Matrix.from_config(config).get_config()["dtype"]["config"] == {"name": "mixed_float16"}


@pytest.mark.parametrize("dtype", ["float64", "complex64", "text", np.float64], ids=str)
def test_layer_dtype_it_cannot_compute_in_is_refused(dtype: Any) -> None:
    with pytest.raises(ValueError, match="must be 'float32'"):
        Matrix(4, dtype=dtype)


def test_layer_weights_argument_sets_the_variables() -> None:
    kernel, shift = integers(3, 4), integers(4)
    layer = Matrix(4, weights=[kernel, shift])
    layer.build((None, 3))
    assert (layer.get_weights()[0] == kernel).all()


def test_layer_weights_argument_of_wrong_shape_leaves_layer_unbuilt() -> None:
    layer = Matrix(4, weights=[integers(9, 4), integers(4)])
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        layer.build((None, 3))
    assert not layer.built
    assert layer.weights == []


# ---- calls on arrays


def test_call_on_array_builds_and_computes() -> None:
    layer = Matrix(4)
    x = integers(5, 3)
    layer(x)
    with_integer_weights(layer)
    assert (layer(x) == dense_by_hand(x, layer.get_weights())).all()


def test_call_after_assign_uses_the_new_weights(layer: Matrix) -> None:
    x = integers(5, 3)
    layer(x)
    layer.kernel.assign(integers(3, 4, seed=9))
    assert (layer(x) == dense_by_hand(x, layer.get_weights())).all()


def test_call_with_further_axes_applies_to_the_last(layer: Matrix) -> None:
    x = integers(5, 2, 3)
    assert (layer(x) == dense_by_hand(x, layer.get_weights())).all()


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.int8),
        lambda x: x.astype(">f4"),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x.tolist(),
    ],
    ids=["float64", "int8", "big-endian", "fortran", "strided", "list"],
)
def test_call_on_other_kinds_of_data_gives_the_same(layer: Matrix, convert: Any) -> None:
    x = integers(5, 3)
    assert (layer(convert(x)) == layer(x)).all()


def test_call_on_read_only_array_leaves_it_alone(layer: Matrix) -> None:
    x = integers(5, 3)
    expected = layer(x)
    x.flags.writeable = False
    assert (layer(x) == expected).all()


def test_call_on_no_samples_gives_no_samples(layer: Matrix) -> None:
    layer(integers(1, 3))
    assert layer(np.empty((0, 3), np.float32)).shape == (0, 4)


@pytest.mark.parametrize(
    "data", [np.array(["a"]), np.ones((1, 3), complex), np.array([[None]]), "abc"], ids=repr
)
def test_call_on_no_numbers_is_refused(layer: Matrix, data: Any) -> None:
    with pytest.raises(TypeError, match="'scores' must be an array of real numbers"):
        layer(data)


def test_call_on_wrong_size_names_layer_axis_and_shape(layer: Matrix) -> None:
    message = r"layer 'scores'.*axis -1 .* value 3, but received input with shape \(None, 7\)"
    with pytest.raises(ValueError, match=message):
        layer(integers(5, 7))


def test_call_on_samples_without_elements_is_refused(layer: Matrix) -> None:
    with pytest.raises(ValueError, match="'scores' must have elements"):
        layer(np.empty((5, 0, 3), np.float32))


def test_call_on_wrong_rank_names_what_was_expected() -> None:
    with pytest.raises(ValueError, match=r"expected ndim=2, found ndim=3.*\(None, 3, 3\)"):
        Square(name="flat")(Input((3, 3)))


def test_call_with_arguments_it_does_not_know_is_refused(layer: Matrix) -> None:
    x = integers(5, 3)
    np.testing.assert_array_equal(layer(x, training=False), layer(x))
    np.testing.assert_array_equal(layer(x, training=True), layer(x))
    with pytest.raises(ValueError, match=r"must be True, False or None.*'often'"):
        layer(x, training="often")  # type: ignore[arg-type]
    with pytest.raises(NotImplementedError, match="mask"):
        layer(x, mask=np.ones((5, 3), bool))


def test_call_on_many_shapes_keeps_few_plans(layer: Matrix) -> None:
    for length in range(1, 40):
        x = integers(2, length, 3)
        assert (layer(x) == dense_by_hand(x, layer.get_weights())).all()
    assert len(layer._fast_plans) < 40


def test_call_on_unpickled_array_takes_the_short_path(
    layer: Matrix, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = integers(5, 3)
    expected = layer(x)
    copy = pickle.loads(pickle.dumps(x))
    # Its type is equal to NumPy's own, but another object.
    assert copy.dtype is not x.dtype
    monkeypatch.setattr(layer, "_compute", lambda inputs: pytest.fail("the long path"))
    assert (layer(copy) == expected).all()


def test_layer_without_computation_says_what_to_write() -> None:
    with pytest.raises(NotImplementedError, match="`lower` method, or compose it"):
        Square()(integers(2, 3))


# ---- calls on tensors


def test_call_on_tensor_makes_tensor_with_history(layer: Matrix) -> None:
    output = layer(Input((3,)))
    assert output.shape == (None, 4)
    assert output.history == (layer, 0, 0)


def test_call_on_tensors_and_arrays_together_is_refused(layer: Matrix) -> None:
    with pytest.raises(ValueError, match="KerasTensors and arrays together"):
        layer([Input((3,)), integers(2, 3)])


def test_input_and_output_before_any_call_are_missing(layer: Matrix) -> None:
    for name in ("input", "output", "input_shape", "output_shape"):
        with pytest.raises(AttributeError, match="'scores' has never been called"):
            getattr(layer, name)


def test_input_and_output_after_calls_are_those_of_the_first(layer: Matrix) -> None:
    first, second = Input((3,)), Input((3,))
    output = layer(first)
    layer(second)
    assert layer.input is first
    assert layer.output is output
    assert (layer.input_shape, layer.output_shape) == ((None, 3), (None, 4))


def test_output_shape_after_calls_on_different_shapes_is_refused(layer: Matrix) -> None:
    layer(Input((3,)))
    layer(Input((5, 3)))
    with pytest.raises(AttributeError, match="called 2 times, on different shapes"):
        layer.output_shape  # noqa: B018


# ---- layers made of layers


def test_composed_layer_computes_what_its_parts_do() -> None:
    layer = Twice(name="twice")
    x = integers(5, 4)
    layer(x)
    with_integer_weights(layer)
    first, second = (part.get_weights() for part in (layer.first, layer.rest[0]))
    expected = dense_by_hand(dense_by_hand(x, first), second)
    assert (layer(x) == expected).all()


def test_composed_layer_collects_the_variables_of_its_parts() -> None:
    layer = Twice(name="twice")
    layer.build((None, 4))
    paths = ["twice/first/kernel", "twice/first/shift", "twice/second/kernel", "twice/second/shift"]
    assert [variable.path for variable in layer.weights] == paths
    layer.trainable = False
    assert not any(variable.trainable for variable in layer.weights)


def test_composed_layer_leaves_no_calls_in_its_parts() -> None:
    layer = Twice()
    output = layer(Input((4,)))
    layer(integers(2, 4))
    assert output.shape == (None, 2)
    assert layer.first.inbound_nodes == []
