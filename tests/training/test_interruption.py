"""Ctrl-C while a model trains."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cnnfast.callbacks import Callback
from cnnfast.training.interruption import INTERRUPTIONS, interruptions_between_steps
from toytraining import DATA, small_fit, small_model

INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np
from toytraining import DATA, small_model

# A shell lets programs in the background ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
model = small_model("adam")
steps = []
train = model._training.step._train

def noted(*arguments):
    outcome = train(*arguments)
    steps.append(model.get_weights())
    return outcome

model._training.step._train = noted
threading.Timer(float(sys.argv[1]), os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    model.fit(DATA, DATA[:, :2], epochs=10**9, verbose=0)
except KeyboardInterrupt:
    same = map(np.array_equal, steps[-1], model.get_weights())
    assert all(same) and len(steps) == model.optimizer.iterations
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    model.fit(DATA, DATA[:, :2], verbose=0)
    assert model.optimizer.iterations == len(steps) and np.isfinite(model.evaluate(
        DATA, DATA[:, :2], verbose=0))
    print("usable")
"""


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """Let SIGINT do what it does in a program in the foreground."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupt(Callback):
    """Does what Ctrl-C does, after a step."""

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if batch == 1:
            raise KeyboardInterrupt


def test_interrupted_training_leaves_the_weights_of_a_finished_step() -> None:
    model, other = small_model(), small_model()
    with pytest.raises(KeyboardInterrupt):
        small_fit(model, 3, [Interrupt()], shuffle=False)
    for start in (0, 4):
        other.train_on_batch(DATA[start : start + 4], DATA[start : start + 4, :2])
    for one, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, expected)
    assert model.optimizer.iterations == 2
    small_fit(model, 1, [], shuffle=False)
    small_fit(other, 1, [], shuffle=False)
    for one, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, expected)


@pytest.mark.skipif(os.name == "nt", reason="signals to a process are another thing there")
@pytest.mark.parametrize("after", ["0.05", "0.21"])
def test_signal_to_a_training_program_leaves_a_usable_model(after: str) -> None:
    paths = os.pathsep.join(path for path in sys.path if path)
    result = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, after],
        env={**os.environ, "PYTHONPATH": paths},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert result.stdout == "usable\n", result.stderr


def test_signal_inside_a_step_waits_for_its_end_and_a_second_one_does_not() -> None:
    with interruptions_between_steps():
        INTERRUPTIONS.hold_back()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            INTERRUPTIONS.let_through()
        INTERRUPTIONS.let_through()
        INTERRUPTIONS.hold_back()
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        INTERRUPTIONS.let_through()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_handler_of_the_program_is_left_alone() -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: received.append(number))
    try:
        with interruptions_between_steps():
            signal.raise_signal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
    assert received == [signal.SIGINT]
