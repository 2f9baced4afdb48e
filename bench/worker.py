"""One engine in a process of its own, driven over a pipe.

Between commands a worker waits in `recv` and uses no CPU, so that the engine whose turn it is has
the machine to itself.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from bench.engines import make_engine
from bench.workloads import WORKLOADS

# Makes the engine and loads a workload into it: (engine, workload, threads) -> engine.
Maker = Callable[[str, str, int], Any]

PATIENCE = 600.0


class WorkerError(RuntimeError):
    """An engine failed; the text is its own."""


def load_engine(engine: str, workload: str, threads: int) -> Any:
    """Make an engine with a workload's network loaded."""
    made = make_engine(engine)
    made.load(WORKLOADS[workload], threads)
    return made


class Worker:
    """A process that holds one engine.

    Args:
        engine: its name.
        workload: name of the network it loads.
        threads: that it may use.
        maker: makes the engine inside the process.

    Raises:
        WorkerError: the engine is missing or refuses the network.
    """

    def __init__(
        self, engine: str, workload: str, threads: int, maker: Maker = load_engine
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.engine = engine
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, maker, engine, workload, threads), daemon=True
        )
        self._process.start()
        theirs.close()
        self.version: str = self._answer()

    def outputs(self, inputs: Any) -> Any:
        """Predict once and return the outputs."""
        return self._ask("outputs", inputs)

    def times(self, seconds: float) -> list[float]:
        """Predict the last inputs again and again for about so long; return each call's seconds."""
        times: list[float] = self._ask("times", seconds)
        return times

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()

    def _ask(self, *command: Any) -> Any:
        self._pipe.send(command)
        return self._answer()

    def _answer(self) -> Any:
        if not self._pipe.poll(PATIENCE):
            self._process.kill()
            raise WorkerError(f"{self.engine} gave no answer within {PATIENCE:.0f} s")
        try:
            kind, value = self._pipe.recv()
        except EOFError as error:
            raise WorkerError(f"{self.engine} ended without an answer") from error
        if kind == "error":
            raise WorkerError(value)
        return value


def serve(pipe: Connection, maker: Maker, engine: str, workload: str, threads: int) -> None:
    """Load an engine, then carry out commands until the pipe closes."""
    prepared: Any = None
    try:
        held = maker(engine, workload, threads)
        pipe.send(("done", held.version()))
        while True:
            command, argument = pipe.recv()
            if command == "outputs":
                prepared = held.prepare(argument)
                pipe.send(("done", np.asarray(held.predict(prepared))))
            else:
                pipe.send(("done", timed(lambda: held.predict(prepared), argument)))
    except EOFError:
        return
    except Exception as error:  # whatever a peer raises is reported as its failure
        pipe.send(("error", f"{type(error).__name__}: {error}"))


def timed(call: Callable[[], object], seconds: float) -> list[float]:
    """Call again and again for about so long, at least once after one call to warm up."""
    call()
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times
