"""Training of embeddings: their gradients are added up row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers
from cnnfast.engine.parameters import Parameters
from cnnfast.engine.table_gradients import TableGradients

WORDS, LENGTH = 500, 12
# Sums of a word's gradients are cut in other places: the last bit of a few.
DIFFERENCE = 1e-7


@pytest.fixture(autouse=True)
def restore_threads() -> Any:
    yield
    cnnfast.config.set_num_threads(None)


def classifier(regularizer: Any = None) -> Any:
    return cnnfast.Sequential([
        cnnfast.Input((LENGTH,), dtype="int32"),
        layers.Embedding(WORDS, 32, embeddings_regularizer=regularizer),
        layers.Conv1D(16, 3, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(1, activation="sigmoid"),
    ])  # fmt: skip


def siamese() -> Any:
    """Build a model that looks up two inputs in one table."""
    first, second = (cnnfast.Input((LENGTH,), dtype="int32") for _ in range(2))
    embedding = layers.Embedding(WORDS, 32)
    joined = layers.Add()([embedding(first), embedding(second)])
    pooled = layers.GlobalAveragePooling1D()(joined)
    return cnnfast.Model([first, second], layers.Dense(1, activation="sigmoid")(pooled))


def trained(build: Any, threads: int, regularizer: Any = None) -> list[np.ndarray]:
    """Train on batches of two sizes, with and without metrics between; return the weights."""
    cnnfast.config.set_num_threads(threads)
    np.random.seed(3)
    model = build() if regularizer is None else build(regularizer)
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    random = np.random.default_rng(0)
    x = random.integers(0, WORDS, (200, LENGTH), dtype=np.int32)
    y = random.integers(0, 2, 200)
    samples = x if len(model.inputs) == 1 else [x, x[::-1].copy()]
    model.fit(samples, y, batch_size=64, epochs=3, shuffle=False, verbose=0)
    return [np.array(weight) for weight in model.get_weights()]


@pytest.mark.parametrize("build", [classifier, siamese])
def test_weights_any_number_of_threads_gives_the_same_bits(build: Any) -> None:
    expected = trained(build, 1)
    for threads in (2, 7):
        for weight, other in zip(expected, trained(build, threads), strict=True):
            np.testing.assert_array_equal(weight, other)


@pytest.mark.parametrize(
    ("build", "regularizer"), [(classifier, None), (siamese, None), (classifier, "l2")]
)
def test_weights_are_those_of_dense_gradients(
    build: Any, regularizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    sparse = trained(build, 1, regularizer)
    monkeypatch.setattr(TableGradients, "_suitable", lambda *_: [])
    for weight, other in zip(sparse, trained(build, 1, regularizer), strict=True):
        np.testing.assert_allclose(weight, other, rtol=0, atol=DIFFERENCE)


def test_parameters_lie_side_by_side_the_largest_last() -> None:
    model = classifier()
    parameters = Parameters(model.trainable_weights)
    sizes = [variable.size for variable in parameters.variables]
    order = np.argsort(parameters.offsets)
    assert [sizes[place] for place in order] == sorted(sizes)
    for variable, view in zip(parameters.variables, parameters.views, strict=True):
        np.testing.assert_array_equal(view, variable.value)
