"""What a process can tell and decide about itself. Imports nothing that an engine would not."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path

STATUS = Path("/proc/self/status")
TASKS = Path("/proc/self/task")
SIBLINGS = "/sys/devices/system/cpu/cpu{}/topology/thread_siblings_list"

# A process is at rest when it uses less than a tenth of one CPU.
GLANCE = 0.01


def pin(threads: int) -> None:
    """Keep the process on as many CPUs as it may use threads, where the system allows.

    Engines that cannot be told a number of threads are held to it this way.
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, choose_cpus(os.sched_getaffinity(0), threads))


def choose_cpus(allowed: set[int], count: int) -> set[int]:
    """Choose CPUs, each on a core of its own as long as there are cores."""
    seen: set[str] = set()
    first: list[int] = []
    second: list[int] = []
    for cpu in sorted(allowed):
        siblings = read(Path(SIBLINGS.format(cpu))) or str(cpu)
        (second if siblings in seen else first).append(cpu)
        seen.add(siblings)
    return set((first + second)[:count])


def settle(limit: float) -> bool:
    """Wait until the process's threads rest.

    Args:
        limit: seconds to wait at most.

    Returns:
        Whether they do.
    """
    end = time.perf_counter() + limit
    while time.perf_counter() < end:
        used, start = time.process_time(), time.perf_counter()
        time.sleep(GLANCE)
        spent = time.process_time() - used
        if spent < 0.1 * (time.perf_counter() - start) and not others_run():
            return True
    return False


def others_run() -> bool:
    """Whether another thread of this process runs or waits for a CPU, where Linux tells.

    On a busy machine a thread that spins may get no CPU for a while, and so seem to rest.
    """
    own = str(threading.get_native_id())
    states = (read(task / "stat").rpartition(")")[2] for task in tasks() if task.name != own)
    return any(state.strip().startswith("R") for state in states)


def tasks() -> list[Path]:
    """List this process's threads, as Linux does."""
    return list(TASKS.iterdir()) if TASKS.is_dir() else []


def peak_memory() -> float:
    """Return the most memory this program has held, in MB of 10^6 bytes.

    Linux counts in getrusage what the process held before it became this program, so its own
    record is read there.
    """
    for line in read(STATUS).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e6
    import resource  # not on Windows, which has no /proc either

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6


def silence() -> None:
    """Discard what this process prints, and what programs it starts print."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)


def described(error: BaseException) -> str:
    """Tell of an error in one line."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:200]}" if lines else type(error).__name__


def read(path: Path) -> str:
    """Return a file's text, nothing if it cannot be read."""
    try:
        return path.read_text().strip()
    except OSError:
        return ""
