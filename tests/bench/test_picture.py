from __future__ import annotations

from pathlib import Path

import pytest

from bench import picture, results


def result(workload: str, batch: int, engine: str, rate: float) -> dict[str, object]:
    return {"workload": workload, "batch": batch, "engine": engine, "rate": rate, "limit": 99.0}


FOUND = [
    result("a", 1, "cnnfast", 1.0), result("a", 32, "cnnfast", 2.0),
    result("a", 1024, "cnnfast", 3.0), result("b", 1, "peer", 1.0), result("b", 32, "peer", 2.0),
    {"workload": "b", "batch": 1, "engine": "gone", "missing": "why"},
]  # fmt: skip


def test_by_batch_counts_the_largest_of_each_network_as_large() -> None:
    panels = picture.by_batch(FOUND)
    named = {
        title: [(one["workload"], one["batch"]) for one in chosen]
        for title, chosen in panels.items()
    }
    assert named == {
        "batch 1": [("a", 1), ("b", 1), ("b", 1)],
        "batch 32": [("a", 32)],
        "a large batch": [("a", 1024), ("b", 32)],
    }


def test_draw_writes_a_picture(tmp_path: Path) -> None:
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("agg")
    run = results.document("race", {"threads": 1}, FOUND, engines={"cnnfast": {}, "peer": {}})
    picture.draw(run, tmp_path / "race.png")
    assert (tmp_path / "race.png").read_bytes().startswith(b"\x89PNG")
