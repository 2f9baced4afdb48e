"""Callbacks on a toy model; parity/test_callbacks.py drives them beside Keras's own."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

import cnnfast
from cnnfast.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ModelCheckpoint,
    ProgbarLogger,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from toytraining import ToyModel, run

HOOKS = [name for name in dir(Callback) if name.startswith("on_")]


def losses(*values):
    return [{"val_loss": value} for value in values]


# ---- base


def test_callback_list_calls_every_hook_of_every_callback_in_order():
    calls = []

    class Loud(Callback):
        def __init__(self, name):
            super().__init__()
            for hook in HOOKS:
                setattr(self, hook, lambda *arguments, hook=hook: calls.append((name, hook)))

    hooks = CallbackList([Loud("a"), [Loud("b")]], ToyModel(), epochs=3, steps=2, verbose=1)
    for hook in HOOKS:
        getattr(hooks, hook)({})
    assert calls == [(name, hook) for hook in HOOKS for name in "ab"]
    assert hooks.callbacks[1].params == {"epochs": 3, "steps": 2, "verbose": 1}


def test_batch_hooks_of_old_programs_are_called_for_training_batches():
    calls = []
    callback = LambdaCallback(on_batch_begin=lambda *a: calls.append(a))
    callback.on_train_batch_begin(3, {"loss": 1.0})
    assert calls == [(3, {"loss": 1.0})]


@pytest.mark.parametrize("callbacks", ["history", [EarlyStopping], [3]])
def test_what_is_no_callback_is_refused(callbacks):
    with pytest.raises(TypeError, match="must hold Callback objects"):
        CallbackList(callbacks)


def test_callback_list_knows_what_nobody_listens_to():
    hooks = CallbackList([EarlyStopping(), LambdaCallback(on_train_begin=print)])
    assert hooks.hears("on_train_begin")
    assert not hooks.hears("on_train_batch_begin", "on_train_batch_end")
    hooks.append(TerminateOnNaN())
    assert hooks.hears("on_train_batch_end")
    assert not hooks.hears("on_train_batch_begin")
    with pytest.raises(AttributeError, match="off"):
        hooks.off_train_begin()


def test_history_keeps_every_epoch_and_the_model_keeps_the_history():
    history = History()
    model, _ = run([history], [{"loss": 2.0, "val_loss": 3.0}, {"loss": 1.0, "val_loss": 4.0}])
    assert history.history == {"loss": [2.0, 1.0], "val_loss": [3.0, 4.0]}
    assert history.epoch == [0, 1]
    assert history.params["epochs"] == 2
    assert model.history is history


# ---- watching one number


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("loss", 0.5),
        ("val_mse", 0.5),
        ("binary_crossentropy", 0.5),
        ("out_loss", 0.5),
        ("acc", 2.0),
        ("val_accuracy", 2.0),
        ("auc", 2.0),
        ("f1_score", 2.0),
    ],
)
def test_mode_auto_knows_the_direction_by_the_name(name, better):
    stopping = EarlyStopping(monitor=name)
    assert stopping.is_better(better, 1.0)
    assert not stopping.is_better(1 / better, 1.0)


def test_mode_auto_asks_the_metric_of_the_model():
    class Metric:
        name, _direction = "mine", "up"

    stopping = EarlyStopping(monitor="val_mine")
    model = ToyModel()
    model.metrics = [Metric()]
    stopping.set_model(model)
    assert stopping.is_better(2.0, 1.0)


def test_mode_auto_without_a_known_direction_is_refused():
    with pytest.raises(ValueError, match="Pass `mode='max'`"):
        run([EarlyStopping(monitor="mine")], [{"mine": 1.0}] * 2)


def test_unknown_mode_warns_and_is_auto():
    with pytest.warns(UserWarning, match="mode 'least' is unknown, fallback to auto mode"):
        assert EarlyStopping(mode="least").mode == "auto"


# ---- stopping


def test_early_stopping_waits_and_restores_the_best_weights(capsys):
    stopping = EarlyStopping(patience=2, restore_best_weights=True, verbose=1)
    model, epochs = run([stopping], losses(3, 1, 2, 2, 0))
    assert epochs == 4
    assert model.weights == [2]
    assert capsys.readouterr().out.splitlines() == [
        "Epoch 4: early stopping",
        "Restoring model weights from the end of the best epoch: 2.",
    ]


def test_early_stopping_restores_the_best_weights_even_if_it_never_stops():
    model, epochs = run([EarlyStopping(patience=9, restore_best_weights=True)], losses(1, 2, 3))
    assert (epochs, model.weights) == (3, [1])


def test_early_stopping_of_a_loss_that_is_nan_restores_the_first_weights():
    stopping = EarlyStopping(patience=1, restore_best_weights=True)
    model, _ = run([stopping], losses(math.nan, math.nan, math.nan))
    assert model.weights == [1]


def test_early_stopping_without_the_metric_warns():
    with pytest.warns(UserWarning, match="metric `val_loss` which is not available.*loss"):
        _, epochs = run([EarlyStopping()], [{"loss": 1.0}])
    assert epochs == 1


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_terminate_on_nan_stops_or_raises(loss, capsys):
    callback = TerminateOnNaN()
    callback.set_model(ToyModel())
    callback.on_train_batch_end(0, {"loss": 1.0})
    assert not callback.model.stop_training
    callback.on_train_batch_end(1, {"loss": loss})
    assert callback.model.stop_training
    assert capsys.readouterr().out == "Batch 1: Invalid loss, terminating training\n"
    with pytest.raises(RuntimeError, match="encountered at batch 1"):
        TerminateOnNaN(raise_error=True).on_train_batch_end(1, {"loss": loss})


# ---- learning rate


def test_schedule_takes_the_epoch_or_also_the_rate(capsys):
    model, _ = run([LearningRateScheduler(lambda epoch: 0.5**epoch, verbose=1)], losses(1, 1, 1))
    assert model.optimizer.learning_rate == 0.25
    assert (
        "Epoch 3: LearningRateScheduler setting learning rate to 0.25." in capsys.readouterr().out
    )
    history = History()
    schedule = LearningRateScheduler(lambda epoch, rate: rate * 0.5)
    run([schedule, history], losses(1, 1))
    assert history.history["learning_rate"] == [0.5, 0.25]


def test_schedule_that_returns_no_float_is_refused():
    with pytest.raises(ValueError, match=r"should be a float\. Got: 1"):
        run([LearningRateScheduler(lambda epoch: 1)], losses(1))


def test_schedule_that_fails_inside_keeps_its_error():
    def broken(epoch, rate):
        raise TypeError("inside")

    with pytest.raises(TypeError, match="inside"):
        run([LearningRateScheduler(broken)], losses(1))


def test_plateau_lowers_the_rate_after_patience_and_waits_for_the_cooldown(capsys):
    history = History()
    plateau = ReduceLROnPlateau(factor=0.5, patience=2, cooldown=2, min_lr=0.3, verbose=1)
    run([plateau, history], losses(*[1] * 9))
    assert history.history["learning_rate"] == [1, 1, 1, 0.5, 0.5, 0.5, 0.3, 0.3, 0.3]
    assert "Epoch 3: ReduceLROnPlateau reducing learning rate to 0.5." in capsys.readouterr().out


def test_plateau_checks_its_arguments():
    with pytest.raises(ValueError, match=r"does not support a factor >= 1\.0"):
        ReduceLROnPlateau(factor=1.0)
    assert ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5
    with pytest.raises(TypeError, match="speed"):
        ReduceLROnPlateau(speed=3)


# ---- files


def test_checkpoint_saves_after_every_epoch_under_its_name(tmp_path, capsys):
    path = tmp_path / "deep" / "{epoch:02d}-{val_loss:.1f}.keras"
    model, _ = run([ModelCheckpoint(path, verbose=1)], losses(2, 1))
    assert model.saved == [str(path.parent / name) for name in ("01-2.0.keras", "02-1.0.keras")]
    assert path.parent.is_dir()
    assert f"Epoch 2: saving model to {model.saved[1]}" in capsys.readouterr().out


def test_checkpoint_saves_only_what_is_best(tmp_path, capsys):
    path = tmp_path / "{epoch}.weights.h5"
    checkpoint = ModelCheckpoint(path, save_best_only=True, save_weights_only=True, verbose=1)
    model, _ = run([checkpoint], losses(3, 4, 2))
    assert [name.rpartition("/")[2] for name in model.saved] == ["1.weights.h5", "3.weights.h5"]
    lines = capsys.readouterr().out.split("\n")
    assert lines[1].startswith("Epoch 1: val_loss improved from None to 3.00000, saving model to")
    assert "Epoch 2: val_loss did not improve from 3.00000" in lines


def test_checkpoint_without_the_metric_warns_and_saves(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "x.keras", save_best_only=True)
    with pytest.warns(UserWarning, match="Can save best model only with metric `val_loss`"):
        model, _ = run([checkpoint], [{"loss": 1.0}])
    assert len(model.saved) == 1


def test_checkpoint_after_a_number_of_batches(tmp_path):
    checkpoint = ModelCheckpoint(tmp_path / "{epoch}-{batch}.keras", save_freq=3)
    checkpoint.set_model(ToyModel())
    for epoch in range(2):
        checkpoint.on_epoch_begin(epoch)
        for batch in range(4):
            checkpoint.on_train_batch_end(batch, {"loss": 1.0})
        checkpoint.on_epoch_end(epoch, {"loss": 1.0})
    names = [name.rpartition("/")[2] for name in checkpoint.model.saved]
    assert names == ["1-3.keras", "2-2.keras"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"filepath": "x.txt"}, "must end in `.keras`"),
        ({"filepath": "x.h5", "save_weights_only": True}, "must end in `.weights.h5`"),
        ({"filepath": "x.keras", "save_freq": "day"}, "Unrecognized save_freq: 'day'"),
        ({"filepath": "x.keras", "save_freq": 0}, "Unrecognized save_freq: 0"),
    ],
)
def test_checkpoint_checks_its_arguments(options, reason):
    with pytest.raises(ValueError, match=reason):
        ModelCheckpoint(**options)


def test_checkpoint_with_an_unknown_name_is_refused(tmp_path):
    with pytest.raises(KeyError, match="Failed to format this callback filepath"):
        run([ModelCheckpoint(tmp_path / "{val_acc}.keras")], losses(1))


def test_checkpoint_saves_real_models(tmp_path):
    model = cnnfast.Sequential([cnnfast.Input((3,)), cnnfast.layers.Dense(2)])
    for name, weights_only in (("a.keras", False), ("a.h5", False), ("a.weights.h5", True)):
        checkpoint = ModelCheckpoint(tmp_path / name, save_weights_only=weights_only)
        checkpoint.set_model(model)
        checkpoint.on_epoch_end(0, {"val_loss": 1.0})
        model.load_weights(tmp_path / name)


def test_csv_goes_on_where_an_earlier_training_ended(tmp_path):
    path = tmp_path / "log.csv"
    run([CSVLogger(path, separator=";")], [{"loss": 2.0, "acc": 0.5}, {"loss": 1.0}])
    run([CSVLogger(str(path), separator=";", append=True)], [{"loss": 0.5, "acc": [1, 2]}])
    assert path.read_text().splitlines() == [
        "epoch;acc;loss;val_acc;val_loss",
        "0;0.5;2.0;NA;NA",
        "1;NA;1.0;NA;NA",
        '0;"""[1, 2]""";0.5;NA;NA',
    ]


# ---- lines


def shown(verbose, epochs, steps=3, batches=3):
    bar = ProgbarLogger()
    bar.set_params({"verbose": verbose, "epochs": epochs, "steps": steps})
    bar.on_train_begin()
    for epoch in range(epochs):
        bar.on_epoch_begin(epoch)
        for batch in range(batches):
            bar.on_train_batch_end(batch, {"loss": 1.0})
        bar.on_test_begin()
        bar.on_test_batch_end(0, {"loss": 7.0})
        bar.on_test_end({"loss": 7.0})
        bar.on_epoch_end(epoch, {"accuracy": 0.25, "loss": 0.5, "val_loss": 0.0001})
    bar.on_train_end()


VALUES = r" - (loss: 0\.5000 - accuracy|accuracy: 0\.2500 - loss).* - val_loss: 1\.0000e-04\n"


@pytest.mark.parametrize("verbose", [1, "auto"])
def test_progress_of_training_has_a_bar_and_the_results(capsys, verbose):
    shown(verbose, 2)
    line = rf"3/3 ━{{20}} 0s \d+(us|ms)/step{VALUES}"
    assert re.fullmatch(rf"Epoch 1/2\n{line}Epoch 2/2\n{line}", capsys.readouterr().out)


def test_progress_of_training_in_one_line_an_epoch(capsys):
    shown(2, 1)
    assert re.fullmatch(rf"3/3 - 0s - \d+(us|ms)/step{VALUES}", capsys.readouterr().out)


def test_progress_of_training_silent(capsys):
    shown(0, 2)
    assert capsys.readouterr().out == ""


def test_progress_of_an_unknown_number_of_steps_is_known_at_the_end(capsys):
    shown(1, 1, steps=None)
    assert capsys.readouterr().out.startswith("3/3 ")


def test_progress_of_an_evaluation(capsys):
    bar = ProgbarLogger()
    bar.set_params({"verbose": 1, "epochs": 1, "steps": 1})
    bar.on_test_begin()
    bar.on_test_batch_end(0, {"loss": 2.0})
    bar.on_test_end({"loss": 2.0})
    assert re.fullmatch(r"1/1 ━{20} 0s \d+(us|ms)/step - loss: 2.0000\n", capsys.readouterr().out)
