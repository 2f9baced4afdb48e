"""The progress bar of `predict` and its like."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Final, TextIO

import numpy as np

BAR_WIDTH: Final = 20
SECONDS_BETWEEN_UPDATES: Final = 0.05


class Progress:
    """Shows how many steps are done, on stdout.

    A terminal or notebook sees a bar that grows; a file or pipe gets one line at the end.

    Args:
        total: number of steps, None if unknown.
        verbose: 0 shows nothing, 1 the bar, 2 one line at the end.
    """

    def __init__(self, total: int | None, verbose: int) -> None:
        self._total = total
        self._stream: TextIO | None = sys.stdout if verbose else None
        self._has_bar = verbose == 1
        self._is_live = self._has_bar and self._stream is not None and _is_interactive(self._stream)
        self._start = self._last_shown = time.perf_counter()
        self._step = 0
        self._width = 0
        self._values: dict[str, float] = {}

    def update(self, step: int, values: Mapping[str, float] | None = None) -> None:
        """Note that a number of steps is done.

        Args:
            step: number of steps done since the beginning.
            values: losses and metrics to show behind the bar.
        """
        self._step = step
        self._values.update(values or {})
        now = time.perf_counter()
        if self._is_live and now - self._last_shown >= SECONDS_BETWEEN_UPDATES:
            self._last_shown = now
            self._show("\r", self._remaining(now), "")

    def finish(self, values: Mapping[str, float] | None = None) -> None:
        """Show the end result and go to the next line.

        Args:
            values: losses and metrics to show behind the bar.
        """
        self._values.update(values or {})
        elapsed = time.perf_counter() - self._start
        self._total = self._total if self._total is not None else self._step
        self._show("\r" if self._is_live else "", elapsed, "\n")

    def _remaining(self, now: float) -> float:
        elapsed = now - self._start
        return elapsed if self._total is None else elapsed / self._step * (self._total - self._step)

    def _show(self, before: str, seconds: float, after: str) -> None:
        if self._stream is None:
            return
        line = self._line(seconds, time.perf_counter() - self._start)
        padding = " " * (self._width - len(line))
        self._width = len(line)
        self._stream.write(before + _encodable(line, self._stream) + padding + after)
        self._stream.flush()

    def _line(self, seconds: float, elapsed: float) -> str:
        count = f"{self._step}/{'Unknown' if self._total is None else self._total}"
        pace = _duration(elapsed / max(1, self._step)) + "/step"
        values = "".join(f" - {name}: {_number(value)}" for name, value in self._values.items())
        if not self._has_bar:
            return f"{count} - {format_seconds(seconds)} - {pace}{values}"
        filled = BAR_WIDTH if not self._total else BAR_WIDTH * self._step // self._total
        bar = "━" * filled + " " * (BAR_WIDTH - filled)
        return f"{count} {bar} {format_seconds(seconds)} {pace}{values}"


def format_seconds(seconds: float) -> str:
    """Write a time of seconds to hours: "3s", "2:05", "1:00:07".

    Args:
        seconds: not negative.
    """
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours}:{minutes:02d}:{rest:02d}"
    return f"{minutes}:{rest:02d}" if minutes else f"{rest}s"


def _number(value: float) -> str:
    """Write a loss or metric with four digits behind the point."""
    mean = float(np.mean(value))
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"


def _duration(seconds: float) -> str:
    """Write the time of one step with a unit that suits it."""
    if seconds >= 1:
        return f"{seconds:.0f}s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms"
    return f"{seconds * 1e6:.0f}us"


def _encodable(line: str, stream: TextIO) -> str:
    """Draw the bar with "=" where the stream's encoding lacks the heavy line."""
    try:
        line.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return line.replace("━", "=")
    return line


def _is_interactive(stream: TextIO) -> bool:
    return stream.isatty() or "ipykernel" in sys.modules
