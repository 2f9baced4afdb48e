"""`Input` and `InputLayer`."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnfast.engine.input_layer import Input, InputLayer
from cnnfast.engine.tensor import KerasTensor


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"shape": (28, 28, 1)}, (None, 28, 28, 1)),
        ({"shape": [None, 3]}, (None, None, 3)),
        ({"shape": ()}, (None,)),
        ({"shape": (3,), "batch_size": 2}, (2, 3)),
        ({"batch_shape": (4, 3)}, (4, 3)),
        ({"shape": (np.int64(3),)}, (None, 3)),
    ],
    ids=str,
)
def test_input_shape_gets_batch_axis(arguments: dict[str, Any], shape: tuple[int, ...]) -> None:
    assert Input(**arguments).shape == shape


def test_input_positional_shape_and_name_are_kept() -> None:
    tensor = Input((3,), name="image", dtype="int32")
    assert (tensor.name, tensor.dtype) == ("image", "int32")
    assert repr(tensor) == (
        "<KerasTensor shape=(None, 3), dtype=int32, sparse=False, ragged=False, name=image>"
    )


def test_input_history_leads_to_its_layer() -> None:
    history = Input((3,), name="image").history
    assert history is not None
    layer, node_index, tensor_index = history
    assert (layer.name, node_index, tensor_index) == ("image", 0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "needs a `shape`"),
        ({"shape": 5}, "must be a tuple of sizes"),
        ({"shape": "3"}, "must be a tuple of sizes"),
        ({"shape": (3.5,)}, "integers or None"),
        ({"shape": (True,)}, "integers or None"),
        ({"shape": (-1,)}, "must not be negative"),
        ({"shape": (3,), "batch_shape": (1, 3)}, "not both"),
        ({"shape": (3,), "dtype": "float64"}, "float32"),
    ],
    ids=str,
)
def test_input_malformed_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Input(**arguments)


def test_input_tensor_gives_shape_and_type() -> None:
    tensor = KerasTensor((None, 7), "int32", "given")
    assert Input(tensor=tensor) is tensor


def test_input_tensor_that_is_an_array_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a KerasTensor"):
        Input(tensor=np.ones((2, 3)))  # type: ignore[arg-type]


def test_input_layer_config_is_that_of_keras() -> None:
    assert InputLayer((28, 1), name="image").get_config() == {
        "batch_shape": (None, 28, 1),
        "dtype": "float32",
        "sparse": False,
        "ragged": False,
        "name": "image",
        "optional": False,
    }


@pytest.mark.parametrize(
    "config",
    [
        {"batch_shape": [None, 3], "name": "x"},
        {"batch_input_shape": [None, 3], "name": "x", "sparse": False, "ragged": False},
        {"batch_input_shape": [None, 3], "name": "x", "dtype": "float32"},
    ],
    ids=["keras3", "keras2", "keras1"],
)
def test_input_layer_config_of_any_keras_is_read(config: dict[str, Any]) -> None:
    assert InputLayer.from_config(config).output.shape == (None, 3)


def test_keras_tensor_used_as_array_is_refused() -> None:
    tensor = Input((3,))
    with pytest.raises(ValueError, match="has no values"):
        np.asarray(tensor)
    with pytest.raises(TypeError, match="has no values"):
        bool(tensor)
    with pytest.raises(TypeError, match="has no values"):
        iter(tensor)
