"""Padding is left out of the statistics of a batch; a mean over a sequence with it is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers
from cnnfast.engine.tensor import KerasTensor


def embedded(mask_zero: bool) -> KerasTensor:
    return layers.Embedding(5, 4, mask_zero=mask_zero, name="words")(layers.Input((6,)))


def through(tensor: KerasTensor, *steps: layers.Layer) -> KerasTensor:
    for layer in steps:
        tensor = layer(tensor)
    return tensor


@pytest.mark.parametrize(
    "steps",
    [
        lambda: [],
        lambda: [layers.Dropout(0.5), layers.Dense(3), layers.ReLU()],
        lambda: [
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.SpatialDropout1D(0),
        ],
    ],
    ids=["direct", "dense", "normalized"],
)
def test_mean_over_steps_with_a_mask_is_refused(steps: Callable[[], list[layers.Layer]]) -> None:
    with pytest.raises(NotImplementedError, match="Embedding layer 'words' marks padding"):
        through(embedded(True), *steps(), layers.GlobalAveragePooling1D())


@pytest.mark.parametrize(
    "steps",
    [lambda: [layers.Conv1D(3, 2)], lambda: [layers.MaxPooling1D(2), layers.Dense(2)]],
    ids=["convolution", "pooling"],
)
def test_mean_after_a_layer_that_drops_the_mask_is_plain(
    steps: Callable[[], list[layers.Layer]],
) -> None:
    tensor = through(embedded(True), *steps(), layers.GlobalAveragePooling1D())
    assert len(tensor.shape) == 2


def test_mean_over_steps_without_a_mask_is_plain() -> None:
    assert through(embedded(False), layers.GlobalAveragePooling1D()).shape == (None, 4)


def test_mask_of_one_summand_reaches_the_sum() -> None:
    total = layers.add([embedded(False), embedded(True)])
    with pytest.raises(NotImplementedError, match="mask_zero"):
        layers.GlobalAveragePooling1D()(total)


def test_search_through_many_joins_ends() -> None:
    tensor = embedded(False)
    for _ in range(100):
        tensor = layers.add([tensor, tensor])
    assert layers.GlobalAveragePooling1D()(tensor).shape == (None, 4)


def test_mean_over_steps_behind_masking_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="marks padding"):
        layers.GlobalAveragePooling1D()(layers.Masking()(layers.Input((4, 2))))


STEPS = np.random.default_rng(8).standard_normal((5, 6, 3)).astype(np.float32)
STEPS[:, 4:] = STEPS[2] = 0


def moved_mean(*before: Any, shape: tuple[int, ...] = (6, 3), x: np.ndarray = STEPS) -> Any:
    """Give the mean that a normalization behind some layers has seen, and that of all steps."""
    normalization = layers.BatchNormalization(momentum=0.0)
    model = cnnfast.Sequential([cnnfast.Input(shape), *before, normalization])
    model(x, training=True)
    return normalization.moving_mean.numpy()


@pytest.mark.parametrize(
    ("before", "keeps"),
    [
        ([layers.Masking()], True),
        ([layers.Masking(), layers.Dropout(0.0), layers.Activation("linear")], True),
        ([layers.Masking(), layers.Reshape((6, 3))], False),
        ([layers.Masking(), layers.ZeroPadding1D(0)], False),
        ([layers.Masking(mask_value=7.0)], False),
        ([], False),
    ],
    ids=["direct", "through", "reshaped", "padded", "another value", "none"],
)
def test_statistics_leave_padding_out_as_far_as_the_mask_goes(before: Any, keeps: bool) -> None:
    rows = STEPS.reshape(-1, 3).astype(np.float64)
    rows = rows[rows.any(axis=1)] if keeps else rows
    # Sums of 30 numbers of about 1 in float32.
    np.testing.assert_allclose(moved_mean(*before), rows.mean(axis=0), rtol=0, atol=1e-6)


def test_a_batch_of_padding_has_the_statistics_zero() -> None:
    np.testing.assert_array_equal(moved_mean(layers.Masking(), x=np.zeros_like(STEPS)), [0, 0, 0])


def test_a_mask_survives_models_and_files_inside_models() -> None:
    inner = cnnfast.Sequential([cnnfast.Input((6, 3)), layers.Masking(), layers.Dropout(0.0)])
    rows = STEPS.reshape(-1, 3).astype(np.float64)
    expected = rows[rows.any(axis=1)].mean(axis=0)
    np.testing.assert_allclose(moved_mean(inner), expected, rtol=0, atol=1e-6)


def test_channels_first_behind_a_mask_are_refused_in_training() -> None:
    model = cnnfast.Sequential([
        cnnfast.Input((6, 3)), layers.Masking(), layers.BatchNormalization(axis=1),
    ])  # fmt: skip
    assert model(STEPS).shape == STEPS.shape
    with pytest.raises(NotImplementedError, match="needs the channels on the last axis"):
        model(STEPS, training=True)


def config_with_mask(value: float, of: str) -> str:
    """Write what Keras 3 does where a normalization stands behind a mask."""

    def call(name: str, **kwargs: Any) -> dict[str, Any]:
        tensor = {"class_name": "__keras_tensor__",
                  "config": {"shape": [None, 6, 3], "dtype": "float32",
                             "keras_history": [name, 0, 0]}}  # fmt: skip
        return {"args": [tensor], "kwargs": kwargs}

    compared, joined = call(of), call("not_equal")
    compared["args"].append(value)
    layers_of_it = [
        ("InputLayer", "x", {"batch_shape": [None, 6, 3]}, []),
        ("Masking", "masking", {"mask_value": 0.0}, [call("x")]),
        ("NotEqual", "not_equal", {}, [compared]),
        ("Any", "any", {"axis": [-1]}, [joined]),
        ("BatchNormalization", "b", {}, [call("masking", mask=call("any")["args"][0])]),
    ]
    described = [
        {"class_name": kind, "name": name, "config": {"name": name, **options},
         "inbound_nodes": calls}
        for kind, name, options, calls in layers_of_it
    ]  # fmt: skip
    config = {"layers": described, "input_layers": ["x", 0, 0], "output_layers": ["b", 0, 0]}
    return json.dumps({"class_name": "Functional", "config": config})


def test_operations_that_keras_lists_for_masks_are_left_out() -> None:
    model = cnnfast.models.model_from_json(config_with_mask(0.0, of="x"))
    assert [layer.name for layer in model.layers] == ["x", "masking", "b"]


def test_a_mask_of_the_users_own_is_refused() -> None:
    with pytest.raises(ValueError, match="mask that 'not_equal' makes"):
        cnnfast.models.model_from_json(config_with_mask(0.0, of="masking"))
