"""A race writes as it goes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from bench import picture, race, results


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    """Set up a race of two networks, the second of which is interrupted."""

    def race_network(name: str, _: Any, peak: float, versions: Any) -> list[dict[str, Any]]:
        if name == "cifar":
            raise KeyboardInterrupt
        versions["cnnfast"] = "1.0"
        subject = {"workload": name, "batch": 1, "threads": 1, "engine": "cnnfast"}
        more = {"limit": None, "peak_megabytes": 1.0, "first_prediction_seconds": 1.0}
        return [{**results.record(subject, 1, [[1.0]]), **more}]

    monkeypatch.setattr(race, "race_network", race_network)
    monkeypatch.setattr(picture, "draw", lambda run, path: path.write_text("drawn"))
    return argparse.Namespace(
        workloads=["mnist", "cifar"], threads=1, rounds=1, seconds=0.1,
        output=str(tmp_path / "new" / "run.json"),
    )  # fmt: skip


def test_race_interrupted_keeps_the_networks_that_are_done(options: argparse.Namespace) -> None:
    with pytest.raises(KeyboardInterrupt):
        race.main(options)
    path = Path(options.output)
    assert [result["workload"] for result in results.read(path)["results"]] == ["mnist"]
    assert "### mnist, batch 1" in path.with_suffix(".md").read_text()
    assert path.with_suffix(".png").read_text() == "drawn"
    assert not list(path.parent.glob("*.part"))


def test_race_without_an_output_writes_nothing(options: argparse.Namespace) -> None:
    parent = Path(options.output).parent
    options.output = None
    options.workloads = ["mnist"]
    race.main(options)
    assert not parent.exists()


def test_write_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    run = results.document("race", {}, [])
    results.write(path, run)
    with pytest.raises(TypeError):
        results.write(path, results.document("race", {}, [{"engine": object()}]))
    assert results.read(path) == run
