"""Callbacks beside Keras's own: both are driven through the same epochs on toy models."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cnnfast import callbacks
from cnnfast.training import class_weights
from toytraining import ToyModel, run

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*which is not available.*:UserWarning"),
    pytest.mark.filterwarnings("ignore:Can save best model only:UserWarning"),
]

FEW = settings(max_examples=60, deadline=None)
# Multiples of 0.1 lie next to the borders that `min_delta` draws, on either side of them.
numbers = st.one_of(st.integers(0, 9).map(lambda n: n / 10), st.just(float("nan")))
epochs = st.lists(numbers, min_size=1, max_size=12)
deltas = st.sampled_from([0, 1e-4, 0.1])
modes = st.sampled_from(["auto", "min", "max"])


def both(keras: ModuleType, name: str, options: dict[str, Any], logs: list[dict[str, float]]):
    """Run our callback and Keras's; each gives its model and the number of epochs."""
    return [
        run([getattr(module, name)(**options)], [dict(log) for log in logs], ToyModel())
        for module in (callbacks, keras.callbacks)
    ]


@FEW
@given(
    values=epochs,
    patience=st.integers(0, 3),
    min_delta=deltas,
    mode=modes,
    baseline=st.sampled_from([None, 0.5]),
    restore=st.booleans(),
    start=st.integers(0, 2),
)
def test_early_stopping_stops_when_keras_does(
    keras: ModuleType, values, patience, min_delta, mode, baseline, restore, start
) -> None:
    options = {
        "patience": patience,
        "min_delta": min_delta,
        "mode": mode,
        "baseline": baseline,
        "restore_best_weights": restore,
        "start_from_epoch": start,
    }
    logs = [{"val_loss": value} for value in values]
    (ours, our_end), (theirs, their_end) = both(keras, "EarlyStopping", options, logs)
    assert our_end == their_end
    assert ours.weights == theirs.weights


@FEW
@given(
    values=epochs,
    factor=st.sampled_from([0.1, 0.5]),
    patience=st.integers(0, 3),
    min_delta=deltas,
    mode=modes,
    cooldown=st.integers(0, 2),
    min_lr=st.sampled_from([0.0, 0.05]),
)
def test_plateau_lowers_the_rate_when_keras_does(
    keras: ModuleType, values, factor, patience, min_delta, mode, cooldown, min_lr
) -> None:
    options = {
        "factor": factor,
        "patience": patience,
        "min_delta": min_delta,
        "mode": mode,
        "cooldown": cooldown,
        "min_lr": min_lr,
    }
    logs = [{"val_loss": value} for value in values]
    (ours, _), (theirs, _) = both(keras, "ReduceLROnPlateau", options, logs)
    assert ours.optimizer.learning_rate == theirs.optimizer.learning_rate


@FEW
@given(values=epochs, mode=modes, threshold=st.sampled_from([None, 0.5]), best=st.booleans())
def test_checkpoint_saves_when_keras_does(
    keras: ModuleType, tmp_path_factory, values, mode, threshold, best
) -> None:
    folder = tmp_path_factory.mktemp("checkpoint")
    options = {
        "filepath": str(folder / "{epoch:02d}-{val_loss:.2f}.keras"),
        "save_best_only": best,
        "mode": mode,
        "initial_value_threshold": threshold,
    }
    logs = [{"val_loss": value} for value in values]
    (ours, _), (theirs, _) = both(keras, "ModelCheckpoint", options, logs)
    assert ours.saved == theirs.saved


@FEW
@given(lengths=st.lists(st.integers(1, 7), min_size=1, max_size=5), every=st.integers(1, 9))
def test_checkpoint_counts_batches_as_keras_does(
    keras: ModuleType, tmp_path_factory, lengths, every
) -> None:
    saved = []
    folder = tmp_path_factory.mktemp("checkpoint")
    for module in (callbacks, keras.callbacks):
        path = str(folder / "{epoch}-{batch}.keras")
        checkpoint = module.ModelCheckpoint(path, save_freq=every)
        model = ToyModel()
        checkpoint.set_model(model)
        for epoch, length in enumerate(lengths):
            checkpoint.on_epoch_begin(epoch)
            for batch in range(length):
                checkpoint.on_train_batch_end(batch, {"loss": 1.0})
            checkpoint.on_epoch_end(epoch, {"val_loss": 1.0})
        saved.append(model.saved)
    assert saved[0] == saved[1]


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("second", [{"loss": 1.0}, {"loss": 1.0, "val_loss": 2.0}])
def test_csv_is_the_one_that_keras_writes(
    keras: ModuleType, tmp_path: Path, append: bool, second: dict[str, float]
) -> None:
    logs = [{"loss": 0.1, "acc": np.float32(0.3), "list": [1, 2]}, second]
    for name, module in (("ours", callbacks), ("theirs", keras.callbacks)):
        for _ in range(2):
            run([module.CSVLogger(str(tmp_path / name), append=append)], logs)
    assert (tmp_path / "ours").read_text() == (tmp_path / "theirs").read_text()


def test_hooks_are_those_of_keras(keras: ModuleType) -> None:
    def hooks(cls: type) -> set[str]:
        return {name for name in dir(cls) if name.startswith(("on_", "set_"))}

    assert hooks(callbacks.Callback) == hooks(keras.callbacks.Callback)


@given(
    classes=st.lists(st.integers(0, 4), min_size=1, max_size=20),
    weights=st.dictionaries(st.integers(0, 4), st.floats(0, 5, width=32), max_size=4),
    form=st.sampled_from(["numbers", "column", "rows", "floats"]),
)
def test_class_weights_are_those_of_keras(keras: ModuleType, classes, weights, form) -> None:
    from keras.src.trainers.data_adapters import data_adapter_utils

    numbers = np.array(classes)
    targets = {
        "numbers": numbers,
        "column": numbers[:, np.newaxis],
        "rows": np.eye(5)[numbers],
        "floats": numbers + 0.25,
    }[form]
    expected = data_adapter_utils.class_weight_to_sample_weights(targets, weights)
    np.testing.assert_array_equal(class_weights.sample_weights(targets, weights), expected)
