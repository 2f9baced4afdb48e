"""Every argument of the convolution, pooling and input layers that tutorials list."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import cnnfast
import tolerances
from cnnfast.engine.input_layer import Input
from cnnfast.layers.convolutional import Conv1D, Conv2D
from cnnfast.layers.core import Flatten
from cnnfast.layers.pooling import MaxPooling1D, MaxPooling2D
from cnnfast.models import Sequential
from layercases import assert_close

KERNEL_ARGUMENTS = {
    "activation": None,
    "use_bias": True,
    "kernel_initializer": "glorot_uniform",
    "bias_initializer": "zeros",
    "kernel_regularizer": None,
    "bias_regularizer": None,
    "activity_regularizer": None,
    "kernel_constraint": None,
    "bias_constraint": None,
}


def accepted(layer: type) -> dict[str, Any]:
    return {
        name: parameter.default for name, parameter in inspect.signature(layer).parameters.items()
    }


@pytest.mark.parametrize(
    ("layer", "own"),
    [
        (Conv1D, {"strides": 1, "padding": "valid", "dilation_rate": 1, **KERNEL_ARGUMENTS}),
        (
            Conv2D,
            {
                "strides": (1, 1),
                "padding": "valid",
                "data_format": None,
                "dilation_rate": (1, 1),
                **KERNEL_ARGUMENTS,
            },
        ),
        (MaxPooling1D, {"pool_size": 2, "strides": None, "padding": "valid"}),
        (
            MaxPooling2D,
            {"pool_size": (2, 2), "strides": None, "padding": "valid", "data_format": None},
        ),
        (Flatten, {"data_format": None}),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
def test_layer_has_the_arguments_and_defaults_tutorials_list(
    layer: type, own: dict[str, Any]
) -> None:
    # `activity_regularizer` may be taken by the base class of all layers.
    own = {name: default for name, default in own.items() if name != "activity_regularizer"}
    signature = accepted(layer)
    assert {name: signature.get(name, "missing") for name in own} == own


@pytest.mark.parametrize("layer", [Conv1D, Conv2D], ids=lambda layer: layer.__name__)
def test_convolution_takes_every_regularizer_and_constraint(layer: type) -> None:
    made = layer(
        4,
        3,
        kernel_regularizer=cnnfast.regularizers.l2(0.01),
        bias_regularizer="l1",
        activity_regularizer="l2",
        kernel_constraint=cnnfast.constraints.MaxNorm(2.0),
        bias_constraint="non_neg",
    )
    config = made.get_config()
    names = [config[f"{part}_regularizer"]["class_name"] for part in ("kernel", "bias", "activity")]
    assert names == ["L2", "L1", "L2"]
    assert config["kernel_constraint"]["class_name"] == "MaxNorm"
    assert config["bias_constraint"]["class_name"] == "NonNeg"


def test_sequence_convolution_equals_an_image_convolution_as_wide_as_the_signal() -> None:
    random = np.random.default_rng(1)
    signals = random.normal(size=(2, 10, 32)).astype(np.float32)
    line, image = Conv1D(6, 3), Conv2D(6, (3, 32))
    line.build((None, 10, 32))
    image.build((None, 10, 32, 1))
    kernel, bias = line.get_weights()
    image.set_weights([kernel[..., np.newaxis, :], bias])
    magnitude = tolerances.dot_magnitude(signals, kernel)
    bound = 2 * tolerances.float32_dot(3 * 32, magnitude)
    assert_close(line(signals), image(signals[..., np.newaxis])[:, :, 0], bound)


def test_sequence_model_of_unknown_length_takes_any_length() -> None:
    model = Sequential([Conv1D(4, 3, padding="same", input_shape=(None, 128))])
    assert model.output_shape == (None, None, 4)
    for length in (3, 17):
        signals = np.zeros((2, length, 128), np.float32)
        assert model.predict(signals, verbose=0).shape == (2, length, 4)


@pytest.mark.parametrize(
    ("layer", "shape"), [(Conv1D, (9, 2)), (Conv2D, (9, 9, 2))], ids=["Conv1D", "Conv2D"]
)
def test_strides_and_dilation_together_are_refused(layer: type, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"strides.*dilation_rate"):
        layer(4, 3, strides=2, dilation_rate=2)


def test_channels_first_image_keeps_its_layout_and_flattens_to_all_values() -> None:
    model = Sequential()
    model.add(
        Conv2D(64, (3, 3), input_shape=(3, 32, 32), padding="same", data_format="channels_first")
    )
    assert model.output_shape == (None, 64, 32, 32)
    model.add(Flatten())
    assert model.output_shape == (None, 65536)


def test_same_shape_read_as_channels_last_gives_other_shapes() -> None:
    model = Sequential([Conv2D(64, (3, 3), input_shape=(3, 32, 32), padding="same"), Flatten()])
    assert model.layers[0].output_shape == (None, 3, 32, 64)
    assert model.output_shape == (None, 6144)


def test_flatten_of_channels_first_puts_channels_last_first() -> None:
    values = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    flat = Flatten(data_format="channels_first")(values)
    np.testing.assert_array_equal(flat, np.moveaxis(values, 1, -1).reshape(1, -1))


@pytest.mark.parametrize(("padding", "length"), [("valid", 3), ("same", 4)])
def test_pooling_without_strides_steps_by_its_window(padding: str, length: int) -> None:
    sequence = MaxPooling1D(2, padding=padding)
    image = MaxPooling2D((2, 2), padding=padding)
    assert sequence.compute_output_shape((None, 7, 5)) == (None, length, 5)
    assert image.compute_output_shape((None, 7, 7, 5)) == (None, length, length, 5)


@pytest.mark.parametrize(
    ("arguments", "shape"),
    [
        ({"shape": (32,)}, (None, 32)),
        ({"batch_shape": (10, 32)}, (10, 32)),
        ({"batch_shape": (None, 32)}, (None, 32)),
    ],
    ids=["shape", "batch_shape", "open batch_shape"],
)
def test_input_declares_the_shape_it_was_given(
    arguments: dict[str, Any], shape: tuple[int | None, ...]
) -> None:
    assert tuple(Input(**arguments).shape) == shape


def test_input_takes_name_and_dtype() -> None:
    tensor = Input(shape=(4,), name="words", dtype="int32")
    model = cnnfast.Model(tensor, cnnfast.layers.Embedding(5, 2)(tensor))
    assert (tensor.name, tensor.dtype) == ("words", "int32")
    assert model.layers[0].name == "words"


def test_input_for_an_existing_tensor_keeps_its_shape() -> None:
    first = Input(shape=(4, 3), sparse=False)
    assert tuple(Input(tensor=first).shape) == (None, 4, 3)
