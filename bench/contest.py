"""One network and all engines that are to run it: started, compared, and measured in turns."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any

from bench import interleave
from bench.agreement import disagreements
from bench.export import export
from bench.interleave import Rounds
from bench.worker import PATIENCE, Maker, Worker, WorkerError, load_engine


class Contest:
    """Engines with one network loaded, one process each; to be used in a `with` block.

    Args:
        engines: their names.
        folder: holds the network's files.
        threads: that each may use.
        tolerances: by engine, the part of the largest output by which outputs may be off.
        missing: engines that cannot run it, and why.
        maker: makes an engine in its process.
        patience: seconds after which an engine that does not answer is given up.

    Attributes:
        workers: the engines still in the contest.
        missing: the others, and why.
        first: by engine, seconds from nothing to its first prediction.
    """

    def __init__(
        self,
        engines: Sequence[str],
        folder: str,
        threads: int,
        tolerances: Mapping[str, float],
        missing: Mapping[str, str] | None = None,
        maker: Maker = load_engine,
        patience: float = PATIENCE,
    ) -> None:
        self.engines = [name for name in engines if name not in (missing or {})]
        self.missing = dict(missing or {})
        self.tolerances = tolerances
        self.workers: dict[str, Worker] = {}
        self.first: dict[str, float] = {}
        self._arguments = (folder, threads, maker, patience)

    def __enter__(self) -> Contest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers.values():
            worker.close()

    def start(self, sample: Any) -> None:
        """Start the engines one after the other, each up to its first prediction."""
        for name in self.engines:
            begin = time.perf_counter()
            try:
                worker = Worker(name, *self._arguments)
                worker.outputs(sample)
            except WorkerError as error:
                self.missing[name] = str(error)
            else:
                self.first[name] = time.perf_counter() - begin
                self.workers[name] = worker

    def compare(self, inputs: Any) -> None:
        """Have all predict the same batch; those whose outputs differ are out."""
        outputs = {}
        for name in list(self.workers):
            try:
                outputs[name] = self.workers[name].outputs(inputs)
            except WorkerError as error:
                self.exclude(name, str(error))
        for name, wrong in disagreements(outputs, self.tolerances).items():
            self.exclude(name, wrong)

    def measure(self, rounds: int, seconds: float) -> dict[str, Rounds]:
        """Time the last batch in turns; those who fail on the way are out."""
        results, failures = interleave.take_turns(self.workers, rounds, seconds)
        for name, reason in failures.items():
            self.exclude(name, reason)
        return results

    def peak_memory(self) -> dict[str, float]:
        """Return the most memory that each has held so far, in MB."""
        return {name: worker.peak_memory() for name, worker in self.workers.items()}

    def exclude(self, name: str, reason: str) -> None:
        """End an engine's part in the contest."""
        self.missing[name] = reason
        self.workers.pop(name).close()


class Files:
    """The files of a network, for as long as a `with` block lasts.

    Args:
        workload: name of the network.
        needs: by engine, the format it reads.
        extra: formats to write besides.
        patience: seconds each format may take.

    Attributes:
        folder: where they are.
        missing: engines whose file could not be written, and why.
    """

    def __init__(
        self,
        workload: str,
        needs: Mapping[str, str],
        extra: Sequence[str] = (),
        patience: float = PATIENCE,
    ) -> None:
        self._place = TemporaryDirectory(prefix="bench-")
        self.folder = self._place.name
        failures = export(workload, self.folder, {*needs.values(), *extra}, patience)
        self.missing = {name: failures[file] for name, file in needs.items() if file in failures}

    def __enter__(self) -> Files:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._place.cleanup()

    def path(self, name: str) -> Path:
        """Return the path of one file."""
        return Path(self.folder, name)
