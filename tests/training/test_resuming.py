"""Training that goes on with what a file holds: the same bits as without the break."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import optimizers
from cnnfast.callbacks import ModelCheckpoint
from toytraining import DATA, small_fit, small_model

SCHEDULE = optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)
OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(SCHEDULE, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optimizers.RMSprop(0.01, centered=True, momentum=0.5),
    "adam": lambda: optimizers.Adam(0.01, amsgrad=True, clipnorm=0.5),
    "adamw": lambda: optimizers.AdamW(0.01, use_ema=True, ema_overwrite_frequency=3),
    "adagrad": lambda: optimizers.Adagrad(0.1),
    "adadelta": lambda: optimizers.Adadelta(0.5),
    "adamax": lambda: optimizers.Adamax(0.01),
    "nadam": lambda: optimizers.Nadam(0.01),
    "ftrl": lambda: optimizers.Ftrl(0.1),
    "lion": lambda: optimizers.Lion(0.01, gradient_accumulation_steps=2),
}


def state_of(model: Any) -> list[np.ndarray]:
    return [*model.get_weights(), *model.optimizer.get_weights()]


def assert_same_state(first: Any, second: Any) -> None:
    for one, other in zip(state_of(first), state_of(second), strict=True):
        np.testing.assert_array_equal(one, other)


def half_trained(optimizer: Any) -> Any:
    model = small_model(optimizer)
    small_fit(model, 2, [], shuffle=False)
    return model


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_loaded_model_trains_on_as_if_it_had_not_been_saved(
    tmp_path: Path, name: str, suffix: str
) -> None:
    model = half_trained(OPTIMIZERS[name]())
    model.save(tmp_path / f"model{suffix}")
    loaded = cnnfast.load_model(tmp_path / f"model{suffix}")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    assert_same_state(loaded, model)
    for one in (model, loaded):
        small_fit(one, 2, [], shuffle=False)
    assert_same_state(loaded, model)


def test_loaded_weights_bring_the_state_of_the_optimizer(tmp_path: Path) -> None:
    model, other = half_trained("adam"), half_trained("adam")
    model.save_weights(tmp_path / "model.weights.h5")
    small_fit(model, 2, [], shuffle=False)
    small_fit(other, 1, [], shuffle=False)
    other.load_weights(tmp_path / "model.weights.h5")
    small_fit(other, 2, [], shuffle=False)
    assert_same_state(other, model)


def test_checkpoint_of_an_epoch_is_where_training_can_go_on(tmp_path: Path) -> None:
    model = small_model("nadam")
    small_fit(model, 3, [ModelCheckpoint(tmp_path / "{epoch}.keras")], shuffle=False)
    loaded = cnnfast.load_model(tmp_path / "2.keras")
    small_fit(loaded, 3, [], initial_epoch=2, shuffle=False)
    assert_same_state(loaded, model)


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copy_of_a_model_trains_on_like_the_model(duplicate: Any) -> None:
    model = half_trained("adam")
    other = duplicate(model)
    assert_same_state(other, model)
    for one in (model, other):
        small_fit(one, 2, [], shuffle=False)
    assert_same_state(other, model)


def mean_error(y_true: Any, y_pred: Any) -> Any:
    return np.mean((np.asarray(y_true) - y_pred) ** 2, axis=-1)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_losses_and_metrics_of_a_user_are_found_among_the_custom_objects(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"model{suffix}"
    model = small_model()
    model.compile("adam", mean_error, metrics=[mean_error, "mae"], weighted_metrics=["mse"])
    small_fit(model, 1, [], shuffle=False)
    model.save(path)
    with pytest.raises(ValueError, match=r"loss 'mean_error', metric 'mean_error'.*custom_objects"):
        cnnfast.load_model(path)
    plain = cnnfast.load_model(path, compile=False)
    assert not plain.compiled
    assert plain.optimizer is None
    loaded = cnnfast.load_model(path, custom_objects={"mean_error": mean_error})
    assert loaded.loss is mean_error
    assert loaded.metrics_names == model.metrics_names == ["loss", "mean_error", "mae", "mse"]
    for one in (model, loaded):
        small_fit(one, 1, [], shuffle=False)
    assert_same_state(loaded, model)


def test_loss_without_a_name_leaves_the_file_without_a_training_setup(tmp_path: Path) -> None:
    model = small_model()
    model.compile("adam", lambda y_true, y_pred: mean_error(y_true, y_pred))
    for suffix in (".keras", ".h5"):
        with pytest.warns(UserWarning, match="was compiled with is not saved"):
            model.save(tmp_path / f"model{suffix}")
        assert not cnnfast.load_model(tmp_path / f"model{suffix}").compiled


SETUPS: list[dict[str, Any]] = [
    {"loss": "mse", "loss_weights": [0.5]},
    {"loss": cnnfast.losses.Huber(0.5), "metrics": [cnnfast.metrics.MeanSquaredError(name="m")]},
    {"loss": cnnfast.losses.mean_absolute_error, "metrics": [cnnfast.losses.mean_squared_error]},
    {"loss": cnnfast.losses.MeanSquaredError, "metrics": ["mae", cnnfast.metrics.MeanSquaredError]},
    {"loss": ["mse"], "metrics": [["mae"]], "weighted_metrics": ["mse"]},
]


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_training_setup_comes_back(tmp_path: Path, setup: dict[str, Any], suffix: str) -> None:
    model = small_model()
    model.compile("adam", **setup)
    small_fit(model, 1, [], shuffle=False)
    model.save(tmp_path / f"model{suffix}")
    loaded = cnnfast.load_model(tmp_path / f"model{suffix}")
    ours, theirs = (one.evaluate(DATA, DATA[:, :2], verbose=0) for one in (model, loaded))
    assert ours == theirs
    assert loaded.metrics_names == model.metrics_names


def test_compile_config_compiles_another_model_alike() -> None:
    model, other = half_trained("adam"), small_model("sgd")
    other.compile_from_config(model.get_compile_config())
    assert other.get_compile_config() == model.get_compile_config()
    assert other.optimizer.iterations == 0
    assert cnnfast.Sequential([]).get_compile_config() == {}
