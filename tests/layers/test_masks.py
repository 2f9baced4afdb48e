"""Padding is left out of means over a sequence and of the statistics of a batch."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers
from cnnfast.engine.tensor import KerasTensor

IDS = np.array([[3, 1, 2, 0, 0, 0], [4, 0, 4, 0, 0, 1]], np.int32)


def embedded(mask_zero: bool) -> KerasTensor:
    return layers.Embedding(5, 4, mask_zero=mask_zero)(WORDS)


WORDS = layers.Input((6,), dtype="int32")


def outputs(tensor: KerasTensor, *steps: layers.Layer) -> tuple[np.ndarray, np.ndarray]:
    """Give what layers make of the word ids, before and behind the last one."""
    for layer in steps[:-1]:
        tensor = layer(tensor)
    before, behind = cnnfast.Model(WORDS, [tensor, steps[-1](tensor)])(IDS)
    return before, behind


def means(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.stack(
        [v[c].mean(axis=0, dtype=np.float64) for v, c in zip(values, counts, strict=True)]
    )


def assert_equal_means(found: np.ndarray, expected: np.ndarray) -> None:
    # Sums of six numbers below 3 in float32.
    np.testing.assert_allclose(found, expected, rtol=0, atol=6 * 3 * 2.0**-24)


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
@pytest.mark.parametrize("keepdims", [False, True])
def test_mean_leaves_out_steps_without_a_word(
    steps: Callable[[], list[layers.Layer]], keepdims: bool
) -> None:
    last = layers.GlobalAveragePooling1D(keepdims=keepdims)
    before, behind = outputs(embedded(True), *steps(), last)
    assert behind.ndim == 2 + keepdims
    assert_equal_means(behind.reshape(2, -1), means(before, IDS != 0))


@pytest.mark.parametrize(
    "steps",
    [lambda: [layers.Conv1D(3, 2)], lambda: [layers.MaxPooling1D(2), layers.Dense(2)]],
    ids=["convolution", "pooling"],
)
def test_mean_after_a_layer_that_drops_the_mask_is_plain(
    steps: Callable[[], list[layers.Layer]],
) -> None:
    before, behind = outputs(embedded(True), *steps(), layers.GlobalAveragePooling1D())
    assert_equal_means(behind, before.mean(axis=1, dtype=np.float64))


def test_mean_over_steps_without_a_mask_is_plain() -> None:
    before, behind = outputs(embedded(False), layers.GlobalAveragePooling1D())
    assert_equal_means(behind, before.mean(axis=1, dtype=np.float64))


def test_mask_of_one_summand_does_not_reach_the_sum_that_of_both_does() -> None:
    for first, counts in ((False, IDS >= 0), (True, IDS != 0)):
        total = layers.add([embedded(first), embedded(True)])
        before, behind = outputs(total, layers.GlobalAveragePooling1D())
        assert_equal_means(behind, means(before, counts))


def test_mean_behind_masking_leaves_out_what_it_marks() -> None:
    model = cnnfast.Sequential([
        cnnfast.Input((6, 3)), layers.Masking(), layers.GlobalAveragePooling1D()
    ])  # fmt: skip
    found = model(STEPS)
    assert np.isnan(found[2]).all()
    rest = [0, 1, 3, 4]
    assert_equal_means(found[rest], means(STEPS, STEPS.any(axis=2) | True)[rest] * 6 / 4)


def test_mean_without_padding_trains_what_is_before_it() -> None:
    model = cnnfast.Sequential([
        cnnfast.Input((6,), dtype="int32"), layers.Embedding(5, 4, mask_zero=True),
        layers.GlobalAveragePooling1D(), layers.Dense(1, use_bias=False),
    ])  # fmt: skip
    model.compile(cnnfast.optimizers.SGD(1.0), "mse")
    table, kernel = model.get_weights()
    error = 2 * (means(table[IDS], IDS != 0) @ kernel) / len(IDS)
    expected = table.astype(np.float64)
    for ids, slope in zip(IDS, error, strict=True):
        for word in ids[ids != 0]:
            expected[word] -= slope * kernel[:, 0] / (ids != 0).sum()
    model.train_on_batch(IDS, np.zeros((2, 1), np.float32))
    # Steps of about 1e-3 in float32, and the table's own rounding.
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=0, atol=1e-8)


def test_mean_with_a_mask_and_channels_first_is_refused() -> None:
    model = cnnfast.Sequential([
        cnnfast.Input((6, 3)), layers.Masking(),
        layers.GlobalAveragePooling1D(data_format="channels_first"),
    ])  # fmt: skip
    with pytest.raises(NotImplementedError, match="needs the channels on the last axis"):
        model(STEPS)


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
