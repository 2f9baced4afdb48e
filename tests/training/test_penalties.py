"""Penalties that the user has written, on weights and on what layers put out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
import tolerances
from cnnfast import layers, regularizers

RANDOM = np.random.default_rng(12)
X = RANDOM.standard_normal((12, 5)).astype(np.float32)
Y = RANDOM.standard_normal((12, 2)).astype(np.float32)
STEPS = 6
# Steps that round a gradient a few times; differences err by less than float32 does.
BOUND = tolerances.UNIT_ROUNDOFF * 8 * STEPS


def squares(x: np.ndarray) -> float:
    return 0.02 * float(np.sum(np.square(x)))


class Squares(regularizers.Regularizer):
    """L2, with a gradient of its own."""

    def __call__(self, x: Any) -> float:
        return squares(np.asarray(x))

    def gradient(self, x: Any) -> Any:
        return 0.04 * np.asarray(x, np.float64)


class Silent(regularizers.Regularizer):
    """L2, as somebody writes it who only reads Keras's documentation."""

    def __call__(self, x: Any) -> float:
        return squares(x)


class Doubled(regularizers.L2):
    """A subclass that does something else than its base."""

    def __call__(self, x: Any) -> float:
        return 2 * super().__call__(x)

    def gradient(self, x: Any) -> Any:
        return 2 * super().gradient(x)


WRITTEN: dict[str, Callable[[], Any]] = {
    "function": lambda: squares,
    "lambda": lambda: lambda x: 0.02 * (x * x).sum(),
    "gradient": Squares,
    "silent": Silent,
    "subclass": lambda: Doubled(0.01),
}
every_way = pytest.mark.parametrize("name", WRITTEN)


def network(hidden: Any = None, last: Any = None, kernel: Any = None) -> Any:
    np.random.seed(3)
    return cnnfast.Sequential([
        cnnfast.Input((5,)),
        layers.Dense(4, activation="tanh", activity_regularizer=hidden, kernel_regularizer=kernel),
        layers.BatchNormalization(),
        layers.Dense(2, activity_regularizer=last),
    ])  # fmt: skip


def trained(model: Any, loss: str = "mse") -> tuple[list[float], list[np.ndarray], float]:
    model.compile(cnnfast.optimizers.SGD(0.1), loss)
    losses = [model.train_on_batch(X[i % 2 :: 2], Y[i % 2 :: 2]) for i in range(STEPS)]
    return losses, model.get_weights(), model.evaluate(X, Y, batch_size=6, verbose=0)


def assert_same(one: Any, other: Any) -> None:
    np.testing.assert_allclose(one[0], other[0], BOUND, BOUND)
    np.testing.assert_allclose(one[2], other[2], BOUND, BOUND)
    for weight, expected in zip(one[1], other[1], strict=True):
        np.testing.assert_allclose(weight, expected, BOUND, BOUND)


@pytest.mark.parametrize("loss", ["mse", "log_cosh"])
@pytest.mark.parametrize("place", ["hidden", "last", "kernel"])
@every_way
def test_penalty_of_the_user_trains_as_ours_does(name: str, place: str, loss: str) -> None:
    found = trained(network(**{place: WRITTEN[name]()}), loss)
    assert_same(found, trained(network(**{place: regularizers.L2(0.02)}), loss))


def test_penalties_of_both_kinds_stand_side_by_side() -> None:
    ours = regularizers.L1(0.01)
    found = trained(network(hidden=squares, last=ours, kernel=ours))
    expected = trained(network(hidden=regularizers.L2(0.02), last=ours, kernel=ours))
    assert_same(found, expected)
    swapped = trained(network(hidden=ours, last=squares))
    assert_same(swapped, trained(network(hidden=ours, last=regularizers.L2(0.02))))


def test_orthogonal_penalty_on_outputs_lowers_the_cosines() -> None:
    model = network(last=regularizers.OrthogonalRegularizer(1.0))
    model.compile(cnnfast.optimizers.SGD(0.5), "mse", loss_weights=[0.0])
    losses = [model.train_on_batch(X, Y) for _ in range(30)]
    assert losses[-1] < 0.98 * losses[0]


def test_frozen_and_unused_layers_have_their_penalty_too() -> None:
    model = network(hidden=squares)
    model.layers[0].trainable = False
    found = trained(model)
    other = network(hidden=regularizers.L2(0.02))
    other.layers[0].trainable = False
    assert_same(found, trained(other))


def test_a_penalty_that_raises_leaves_the_model_as_it_was() -> None:
    def fails(x: Any) -> float:
        raise RuntimeError("no")

    for place in ("hidden", "kernel"):
        model = network(**{place: fails})
        model.compile("adam", "mse")
        before = model.get_weights()
        with pytest.raises(RuntimeError, match="no"):
            model.train_on_batch(X, Y)
        for one, other in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_penalty_on_too_much_needs_a_gradient() -> None:
    def silent(x: Any) -> float:
        return float(np.abs(x).sum())

    def build() -> Any:
        conv = layers.Conv2D(8, 3, activity_regularizer=silent)
        model = cnnfast.Sequential([cnnfast.Input((20, 20, 1)), conv, layers.Flatten()])
        model.compile("sgd", "mse")
        return model

    x, y = np.ones((8, 20, 20, 1), np.float32), np.zeros((8, 18 * 18 * 8), np.float32)
    model = build()
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"silent has no gradient.*`gradient`"):
        model.train_on_batch(x, y)
    np.testing.assert_array_equal(before[0], model.get_weights()[0])
    silent.gradient = np.sign  # type: ignore[attr-defined]
    assert np.isfinite(build().train_on_batch(x, y))
    silent.gradient = lambda x: np.sign(x).ravel()  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="gradient of regularizer silent must have the shape"):
        build().train_on_batch(x, y)


def test_a_penalty_of_the_user_goes_through_files(tmp_path: Path) -> None:
    model = network(hidden=Silent())
    expected = trained(model)
    model.save(tmp_path / "model.keras")
    loaded = cnnfast.load_model(tmp_path / "model.keras", custom_objects={"Silent": Silent})
    assert loaded.evaluate(X, Y, batch_size=6, verbose=0) == pytest.approx(expected[2], rel=1e-6)
