"""Work in processes of their own: one engine each, driven over a pipe, or one task and its end.

Between commands a worker waits in `recv`; it answers only once its own threads have come to rest,
so that the engine whose turn it is has the machine to itself.
"""

from __future__ import annotations

import multiprocessing
import time
from collections import deque
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from bench import process
from bench.engines import make_engine

# Calls of a turn that are kept, the last ones: the times of more would count as memory of engines.
MOST_CALLS = 10_000

# What a shorter call gains from warm caches is lost in this many seconds.
LONG_CALL = 0.5

# Makes the engine and loads a network into it: (engine, folder of files, threads) -> engine.
Maker = Callable[[str, str, int], Any]

PATIENCE = 600.0

# An engine whose threads still run so long after a call would disturb all others.
RESTLESS = 3.0


class WorkerError(RuntimeError):
    """An engine failed; the text is its own."""


def load_engine(engine: str, folder: str, threads: int) -> Any:
    """Make an engine with the network of a folder loaded."""
    process.pin(threads)
    made = make_engine(engine)
    made.load(folder, threads)
    return made


class Worker:
    """A process that holds one engine.

    Args:
        engine: its name.
        folder: holds the files of the network it loads.
        threads: that it may use.
        maker: makes the engine inside the process.
        patience: seconds after which an answer counts as never coming.

    Attributes:
        version: what the engine calls itself.

    Raises:
        WorkerError: the engine is missing or refuses the network.
    """

    def __init__(
        self,
        engine: str,
        folder: str,
        threads: int,
        maker: Maker = load_engine,
        patience: float = PATIENCE,
    ) -> None:
        self.engine = engine
        self.patience = patience
        self._pipe, self._process = start(serve, maker, engine, folder, threads)
        self.version: str = self._answer()

    def outputs(self, inputs: Any) -> Any:
        """Predict once and return the outputs."""
        return self._ask("outputs", inputs)

    def times(self, seconds: float) -> list[float]:
        """Predict the last inputs again and again for about so long; return each call's seconds."""
        times: list[float] = self._ask("times", seconds)
        return times

    def peak_memory(self) -> float:
        """Return the most memory the process has held so far, in MB."""
        megabytes: float = self._ask("memory", None)
        return megabytes

    def close(self) -> None:
        """End the process."""
        end(self._pipe, self._process)

    def _ask(self, *command: Any) -> Any:
        try:
            self._pipe.send(command)
        except OSError as error:
            raise WorkerError(f"ended with exit code {self._process.exitcode}") from error
        return self._answer()

    def _answer(self) -> Any:
        try:
            return answer(self._pipe, self._process, self.patience)
        except WorkerError:
            self.close()
            raise


def apart(function: Callable[..., Any], *arguments: Any, patience: float = PATIENCE) -> Any:
    """Call a function in a new process, which keeps its crashes, its hangs and its memory.

    Args:
        function: importable by name.
        *arguments: picklable.
        patience: seconds it may take.

    Returns:
        What it returned.

    Raises:
        WorkerError: it raised, crashed or took too long.
    """
    pipe, started = start(call, function, arguments)
    try:
        return answer(pipe, started, patience)
    finally:
        end(pipe, started)


def start(target: Callable[..., None], *arguments: Any) -> tuple[Connection, Any]:
    """Start a process that is given the far end of a pipe and the arguments."""
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    started = context.Process(target=silently, args=(target, theirs, *arguments), daemon=True)
    started.start()
    theirs.close()
    return pipe, started


def silently(target: Callable[..., None], *arguments: Any) -> None:
    """Do the work of a process without its chatter; what matters goes through the pipe."""
    process.silence()
    target(*arguments)


def answer(pipe: Connection, started: Any, patience: float) -> Any:
    """Wait for an answer.

    Raises:
        WorkerError: it is an error, or there is none.
    """
    if not pipe.poll(patience):
        raise WorkerError(f"no answer within {patience:.0f} s")
    try:
        kind, value = pipe.recv()
    except (EOFError, OSError) as error:
        started.join(5)
        raise WorkerError(f"ended with exit code {started.exitcode}") from error
    if kind == "error":
        raise WorkerError(value)
    return value


def end(pipe: Connection, started: Any) -> None:
    """Close the pipe and see the process off."""
    pipe.close()
    started.join(2)
    if started.is_alive():
        started.kill()
        started.join()


def call(pipe: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Send back what a function returns or raises."""
    try:
        pipe.send(("done", function(*arguments)))
    except Exception as error:  # whatever a peer's tools raise is reported as their failure
        pipe.send(("error", process.described(error)))


def serve(pipe: Connection, maker: Maker, engine: str, folder: str, threads: int) -> None:
    """Load an engine, then carry out commands until the pipe closes."""
    try:
        held = maker(engine, folder, threads)
        pipe.send(("done", held.version()))
        prepared: Any = None
        while True:
            command, argument = pipe.recv()
            if command == "outputs":
                prepared = held.prepare(argument)
            pipe.send(("done", carry_out(command, argument, held, prepared)))
    except EOFError:
        return
    except Exception as error:  # whatever a peer raises is reported as its failure
        pipe.send(("error", process.described(error)))


def carry_out(command: str, argument: Any, held: Any, prepared: Any) -> Any:
    """Do what was asked, and come to rest."""
    if command == "memory":
        return process.peak_memory()
    if command == "outputs":
        result: Any = np.array(held.predict(prepared))
    else:
        result = timed(lambda: held.predict(prepared), argument)
    if not process.settle(RESTLESS):
        raise WorkerError(f"its threads still run {RESTLESS:.0f} s after a call")
    return result


def timed(call: Callable[[], object], seconds: float, long: float = LONG_CALL) -> list[float]:
    """Call again and again for about so long, at least once after one call to warm up.

    A long call is its own warm-up: it counts, and is enough.
    """
    first = clocked(call)
    if first > max(seconds, long):
        return [first]
    times: deque[float] = deque(maxlen=MOST_CALLS)
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        times.append(clocked(call))
    return list(times)


def clocked(call: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
