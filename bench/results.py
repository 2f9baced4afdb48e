"""Results as data: one JSON file a run, which tables, pictures and comparisons are made from.

A file says what it is (`kind`), what it was measured on (`machine`), how (`settings`), with which
versions (`engines`), and lists `results`. A result names its subject by the fields of `IDENTITY`
and has either `rate`, with `low` and `high`, or `missing`, the reason why there is none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import installed, machine
from bench.engines import Peer
from bench.interleave import Rounds, summarize

Record = dict[str, Any]

# The fields that say what a result is of.
IDENTITY = ("workload", "kernel", "batch", "threads", "engine")


def record(subject: Record, samples: int, rounds: Rounds) -> Record:
    """Make a result of timed calls.

    Args:
        subject: the fields of IDENTITY that apply.
        samples: that each call processed.
        rounds: seconds of the calls.

    Returns:
        Samples per second: `rate` of the median round, `low` and `high` of the slowest and the
        fastest; and the `seconds` a call took in each round.
    """
    timing = summarize(rounds)
    return {
        **subject,
        "rate": samples / timing.median,
        "low": samples / timing.most,
        "high": samples / timing.least,
        "seconds": list(timing.rounds),
    }


def absent(subject: Record, missing: Mapping[str, str]) -> list[Record]:
    """Make results of engines that have none."""
    return [{**subject, "engine": name, "missing": reason} for name, reason in missing.items()]


def engines(versions: Mapping[str, str], peers: Mapping[str, Peer]) -> Record:
    """Describe the engines that took part: version, precision, MB to install."""
    return {
        name: {
            "version": version,
            "precision": peers[name].precision,
            "installed_megabytes": installed.megabytes(peers[name].package),
        }
        for name, version in versions.items()
    }


def document(kind: str, settings: Record, results: list[Record], **more: Any) -> Record:
    """Put a run together."""
    return {
        "kind": kind,
        "machine": machine.describe(),
        "settings": settings,
        **more,
        "results": results,
    }


def write(path: str | Path, run: Record) -> None:
    """Write a run to a file; an interruption leaves the file as it was before."""
    place = Path(path)
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(f"{place.name}.part")
    fresh.write_text(json.dumps(run, indent=1) + "\n")
    fresh.replace(place)


def read(path: str | Path) -> Record:
    """Read a run.

    Raises:
        ValueError: the file holds something else.
    """
    run = json.loads(Path(path).read_text())
    if not isinstance(run, dict) or not {"kind", "machine", "results"} <= run.keys():
        raise ValueError(f"{path} holds no results of `python -m bench`.")
    return run
