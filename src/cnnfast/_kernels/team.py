"""Who may open a parallel region: one caller at a time, and nobody in a forked child.

A second Python thread that predicts while the team is busy runs serially, as does anything
called inside somebody else's OpenMP region: N callers must not become N times N threads. After
a fork libgomp's team is gone but its state says otherwise, and the next region would hang
(GCC bug 60035); the child therefore runs serially for the rest of its life.
"""

from __future__ import annotations

import os
import threading
import warnings

from cnnfast._kernels.dispatch import in_parallel_region

_region = threading.Lock()
_used = False
_forked = False
_warned = False


def claim(threads: int) -> int:
    """Return how many threads the caller may use now; `release` follows where that is over 1.

    Args:
        threads: how many it would like.

    Returns:
        `threads`, or 1 where the team is busy, nested or lost in a fork.
    """
    global _used
    if threads <= 1 or in_parallel_region():
        return 1
    if _forked:
        _warn_once()
        return 1
    if not _region.acquire(blocking=False):
        return 1
    _used = True
    return threads


def release() -> None:
    """Give the team back."""
    _region.release()


def _warn_once() -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            "cnnfast runs on one thread in this process: it was forked after the parent had "
            "used several. Start workers with multiprocessing's 'spawn' or 'forkserver'.",
            RuntimeWarning,
            stacklevel=3,
        )


def _after_fork() -> None:
    """In the child: a lock held by another thread of the parent is nobody's here."""
    global _region, _forked
    _region = threading.Lock()
    _forked = _forked or _used


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
