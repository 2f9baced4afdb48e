"""How many threads a call may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final

from cnnfast._kernels.dispatch import openmp_max_threads

VARIABLE: Final = "CNNFAST_NUM_THREADS"
CGROUPS: Final = Path("/sys/fs/cgroup")
MEMBERSHIP: Final = Path("/proc/self/cgroup")


class _Setting:
    """What the program asked for, and what the process may use at most once that is known."""

    chosen: int | None = None
    limit: int | None = None


_inside_with: ContextVar[int | None] = ContextVar("cnnfast_num_threads", default=None)


def thread_count() -> int:
    """Return the number of threads a call uses at most.

    It is the least of: what `set_num_threads` or `num_threads` asked for, the environment
    variable CNNFAST_NUM_THREADS, OpenMP's own limit, the CPUs the process may run on and the CPU
    time its control group is granted.

    Raises:
        ValueError: CNNFAST_NUM_THREADS is no positive number.
    """
    if _Setting.limit is None:
        _Setting.limit = process_limit()
    asked = _inside_with.get() or _Setting.chosen
    return _Setting.limit if asked is None else min(asked, _Setting.limit)


def set_num_threads(count: int | None) -> None:
    """Choose how many threads calls use at most.

    Args:
        count: at least 1; None for as many as the process may use.

    Raises:
        ValueError: it is less than 1.
        TypeError: it is no integer.
    """
    _Setting.chosen = None if count is None else _checked(count)


@contextmanager
def num_threads(count: int) -> Iterator[None]:
    """Use another number of threads inside a `with` block, in this thread only.

    Args:
        count: at least 1.

    Raises:
        ValueError: it is less than 1.
        TypeError: it is no integer.
    """
    token = _inside_with.set(_checked(count))
    try:
        yield
    finally:
        _inside_with.reset(token)


def _checked(count: Any) -> int:
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"The number of threads must be an integer. Received: {count!r}")
    if count < 1:
        raise ValueError(f"The number of threads must be at least 1. Received: {count!r}")
    return count


def process_limit() -> int:
    """Work out how many threads this process may use, whatever it asks for."""
    limits: list[int | None] = [
        openmp_max_threads(),
        available_cpus(),
        granted_cpus(),
        environment_limit(),
    ]
    return max(1, min(limit for limit in limits if limit is not None))


def forget_limit() -> None:
    """Work the limit out again at the next call, after the environment has changed."""
    _Setting.limit = None


def environment_limit() -> int | None:
    """Read CNNFAST_NUM_THREADS; None if it is not set.

    Raises:
        ValueError: it is no positive number.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise ValueError(f"{VARIABLE} must be a positive integer. Received: {VARIABLE}={text!r}")
    return int(text)


def available_cpus() -> int | None:
    """Count the CPUs the process may run on; None where the system does not tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def granted_cpus(cgroups: Path = CGROUPS, membership: Path = MEMBERSHIP) -> int | None:
    """Read the CPU quota of the process's control groups, as containers set it.

    Args:
        cgroups: where the control groups are mounted.
        membership: the file that says to which the process belongs.

    Returns:
        The quota in CPUs, rounded up; None if there is none or the system has no such groups.
    """
    quotas = [
        quota
        for folder in _own_groups(cgroups, membership)
        for quota in (_quota_v2(folder), _quota_v1(folder))
        if quota is not None
    ]
    return min(quotas, default=None)


def _own_groups(cgroups: Path, membership: Path) -> Iterator[Path]:
    """List the process's groups and those around them, up to the root."""
    for line in _read(membership).splitlines():
        hierarchy, controllers, path = (*line.split(":", 2), "", "")[:3]
        is_v2 = hierarchy == "0"
        if is_v2 or "cpu" in controllers.split(","):
            root = cgroups if is_v2 else cgroups / "cpu"
            group = root / path.lstrip("/")
            yield from (folder for folder in (group, *group.parents) if folder.is_relative_to(root))


def _quota_v2(folder: Path) -> int | None:
    """Read "cpu.max": quota and period in microseconds, or "max" for no quota."""
    fields = _read(folder / "cpu.max").split()
    return _ratio_up(fields[0], fields[1]) if len(fields) == 2 else None


def _quota_v1(folder: Path) -> int | None:
    """Read the two files of the older control groups; a quota of -1 means none."""
    return _ratio_up(_read(folder / "cpu.cfs_quota_us"), _read(folder / "cpu.cfs_period_us"))


def _ratio_up(quota: str, period: str) -> int | None:
    try:
        whole, part = int(quota), int(period)
    except ValueError:
        return None
    return max(1, -(-whole // part)) if whole > 0 and part > 0 else None


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError):
        return ""


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=forget_limit)
