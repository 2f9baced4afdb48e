"""Where Keras would leave padding out of a mean, the model is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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
