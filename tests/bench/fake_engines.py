"""Engines that compute a sum, each with its own way of going wrong."""

from __future__ import annotations

import os
import threading
import time
from typing import Any

import numpy as np


class Fake:
    """Adds up each sample."""

    def prepare(self, inputs: Any) -> Any:
        return np.asarray(inputs, np.float32)

    def predict(self, prepared: Any) -> Any:
        return prepared.sum(axis=1, keepdims=True)

    def version(self) -> str:
        return "1.0"


class Wrong(Fake):
    def predict(self, prepared: Any) -> Any:
        return super().predict(prepared) + 1


class Coarse(Fake):
    """Is off by a tenth."""

    def predict(self, prepared: Any) -> Any:
        return super().predict(prepared) * 1.1


class Refusing(Fake):
    """Predicts one sample, no more."""

    def predict(self, prepared: Any) -> Any:
        if len(prepared) > 1:
            raise ValueError("one at a time\nplease")
        return super().predict(prepared)


class Crashing(Fake):
    """Predicts a few times, then takes its process with it."""

    calls = 0

    def predict(self, prepared: Any) -> Any:
        self.calls += 1
        if self.calls > 4:
            os._exit(7)
        return super().predict(prepared)


class Hanging(Fake):
    def predict(self, prepared: Any) -> Any:
        time.sleep(60)


class Noisy(Fake):
    def predict(self, prepared: Any) -> Any:
        print("chatter", flush=True)
        return super().predict(prepared)


class Held(Fake):
    """Tells what it is held to."""

    def version(self) -> str:
        return os.environ.get("ONEDNN_MAX_CPU_ISA", "nothing")


class Restless(Fake):
    """Leaves a thread behind that never stops."""

    def predict(self, prepared: Any) -> Any:
        threading.Thread(target=spin, daemon=True).start()
        return super().predict(prepared)


def spin() -> None:
    while True:
        pass


KINDS = {
    "right": Fake, "right too": Fake, "also right": Fake, "cnnfast": Fake, "wrong": Wrong,
    "coarse": Coarse, "refusing": Refusing, "crashing": Crashing, "hanging": Hanging,
    "noisy": Noisy, "restless": Restless, "held": Held,
}  # fmt: skip


def make(engine: str, folder: str, threads: int) -> Any:
    """Make an engine as `bench.worker.load_engine` does."""
    if engine not in KINDS:
        raise ModuleNotFoundError(f"No module named {engine!r}")
    return KINDS[engine]()


def add(first: int, second: int) -> int:
    """Something to do in another process."""
    return first + second


def fail() -> None:
    """Something that goes wrong there."""
    raise ValueError("told you")
