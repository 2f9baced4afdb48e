"""Training that goes on after it was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import cnnfast
import toytraining
from cnnfast.training.callbacks import BackupAndRestore
from toytraining import small_fit, small_model

EPOCHS = 6
KILLED = """
import os, signal, sys
from cnnfast.callbacks import BackupAndRestore, Callback
from toytraining import *

class Kill(Callback):
    epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (3, 1):
            os.kill(os.getpid(), signal.SIGKILL)

small_fit(globals()[sys.argv[2]](sys.argv[3]), 6, [BackupAndRestore(sys.argv[1]), Kill()], seed=11)
"""
KINDS = [("small_model", "sgd"), ("small_model", "nadam"), ("random_model", "adam")]


def state_of(model):
    return [*model.get_weights(), *(variable.numpy() for variable in model.optimizer.variables)]


def assert_same_state(first, second):
    for one, other in zip(state_of(first), state_of(second), strict=True):
        np.testing.assert_array_equal(one, other)


def uninterrupted(model=None):
    model = model or small_model()
    small_fit(model, EPOCHS, [], seed=11)
    return model


class StoppedError(Exception):
    """Ends a training the hard way."""


class Stop(cnnfast.callbacks.Callback):
    """Fails after a batch."""

    def __init__(self, place):
        super().__init__()
        self.place = place

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == self.place:
            raise StoppedError


def interrupted(folder, place, **options):
    callbacks = [BackupAndRestore(folder, **options), Stop(place)]
    with pytest.raises(StoppedError):
        small_fit(small_model(), EPOCHS, callbacks, seed=11)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a signal that cannot be caught")
@pytest.mark.parametrize(("kind", "optimizer"), KINDS)
def test_training_killed_in_the_middle_ends_with_the_same_bits(tmp_path, kind, optimizer):
    make = getattr(toytraining, kind)
    folder = tmp_path / "backup"
    paths = os.pathsep.join(path for path in sys.path if path)
    result = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), kind, optimizer],
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
        timeout=120,
    )
    assert result.returncode == -signal.SIGKILL
    model = make(optimizer)
    epochs = []
    small_fit(model, EPOCHS, [BackupAndRestore(folder), Noted(epochs)], seed=99)
    assert epochs == [3, 4, 5]
    assert_same_state(model, uninterrupted(make(optimizer)))
    assert not folder.exists()


class Noted(cnnfast.callbacks.Callback):
    """Notes the epochs."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(epoch)


@pytest.mark.parametrize("place", [(0, 0), (1, 0), (2, 3), (5, 3)])
def test_training_stopped_anywhere_ends_with_the_same_bits(tmp_path, place):
    interrupted(tmp_path / "backup", place)
    model = small_model()
    seed = 11 if place[0] == 0 else 99
    small_fit(model, EPOCHS, [BackupAndRestore(tmp_path / "backup")], seed)
    assert_same_state(model, uninterrupted())


@pytest.mark.parametrize("failing", ["save_weights", "write_state"])
def test_training_stopped_while_it_saves_has_the_state_before(tmp_path, monkeypatch, failing):
    folder, calls = tmp_path / "backup", []
    owner = BackupAndRestore if failing == "write_state" else cnnfast.Sequential
    method = getattr(owner, failing)

    def fail_at_the_third(*arguments, **options):
        calls.append(1)
        if len(calls) == 3:
            raise StoppedError
        return method(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(owner, failing, fail_at_the_third)
        with pytest.raises(StoppedError):
            small_fit(small_model(), EPOCHS, [BackupAndRestore(folder)], seed=11)
    model, epochs = small_model(), []
    small_fit(model, EPOCHS, [BackupAndRestore(folder), Noted(epochs)])
    assert epochs[0] == 2
    assert_same_state(model, uninterrupted())


def test_backup_after_batches_begins_the_epoch_again_with_the_weights_of_that_moment(tmp_path):
    interrupted(tmp_path / "backup", (2, 3), save_freq=3)
    epochs = []
    small_fit(small_model(), EPOCHS, [BackupAndRestore(tmp_path / "backup"), Noted(epochs)])
    assert epochs == [2, 3, 4, 5]


def test_backup_can_stay(tmp_path):
    small_fit(small_model(), 2, [BackupAndRestore(tmp_path / "backup", delete_checkpoint=False)])
    epochs = []
    small_fit(small_model(), 2, [BackupAndRestore(tmp_path / "backup"), Noted(epochs)])
    assert epochs == []


def test_backup_of_an_unbuilt_model_is_refused(tmp_path):
    callback = BackupAndRestore(tmp_path)
    callback.set_model(cnnfast.Sequential([cnnfast.layers.Dense(2)]))
    with pytest.raises(ValueError, match="must be built before you call"):
        callback.on_train_begin()


def test_backup_with_a_damaged_state_is_refused(tmp_path):
    (tmp_path / "training_metadata.json").write_text('{"epoch": 3}')
    callback = BackupAndRestore(tmp_path)
    callback.set_model(small_model())
    with pytest.raises(ValueError, match="is not the state of a training"):
        callback.on_train_begin()


@pytest.mark.parametrize("options", [{"backup_dir": ""}, {"backup_dir": "x", "save_freq": "day"}])
def test_backup_with_bad_arguments_is_refused(options):
    with pytest.raises(ValueError, match=r"Empty `backup_dir`|Unrecognized save_freq"):
        BackupAndRestore(**options)
