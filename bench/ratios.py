"""What a race comes to: how much faster cnnfast is than the best of the others."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

REFERENCE = "cnnfast"
Record = dict[str, Any]


def leads(results: Iterable[Record], versions: Mapping[str, Record]) -> list[Record]:
    """Compare cnnfast with the best peer, network by network and batch by batch.

    Args:
        results: of a race.
        versions: by engine, among others its precision: only float32 is compared.

    Returns:
        Where both ran: workload, batch, the best peer, and `ratio`, cnnfast's rate over its.
    """
    fields: dict[tuple[str, int], dict[str, float]] = {}
    for result in results:
        if "rate" in result and versions[result["engine"]]["precision"] == "float32":
            rates = fields.setdefault((result["workload"], result["batch"]), {})
            rates[result["engine"]] = result["rate"]
    return [
        {"workload": workload, "batch": batch, **lead}
        for (workload, batch), rates in fields.items()
        if (lead := lead_of(rates)) is not None
    ]


def lead_of(rates: Mapping[str, float]) -> Record | None:
    """Return the best peer and cnnfast's rate over its; None if either is missing."""
    peers = {name: rate for name, rate in rates.items() if not name.startswith(REFERENCE)}
    if REFERENCE not in rates or not peers:
        return None
    best = max(peers, key=lambda name: peers[name])
    return {"best": best, "ratio": rates[REFERENCE] / peers[best]}


def geometric_mean(values: Iterable[float]) -> float | None:
    """Return the mean by which ratios are averaged; None of nothing."""
    logarithms = [math.log(value) for value in values]
    return math.exp(sum(logarithms) / len(logarithms)) if logarithms else None
