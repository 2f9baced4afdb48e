from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import pytest

from bench import compare, installed, ratios, report, results
from bench.engines import ENGINES, make_engine
from bench.export import FORMATS, with_sources
from bench.race import LARGE, batch_size
from bench.trainers import TRAINERS

SUBJECT = {"workload": "w", "batch": 4, "threads": 2, "engine": "a"}


def run_of(*found: dict[str, Any]) -> dict[str, Any]:
    return results.document("race", {"threads": 2, "rounds": 3}, list(found))


def rated(rate: float, spread: float = 0.1, **subject: Any) -> dict[str, Any]:
    return {
        **SUBJECT, **subject,
        "rate": rate, "low": rate * (1 - spread), "high": rate * (1 + spread),
    }  # fmt: skip


def test_record_turns_seconds_into_samples_a_second() -> None:
    record = results.record(SUBJECT, 4, [[2.0], [1.0], [4.0]])
    assert record == {**SUBJECT, "rate": 2.0, "low": 1.0, "high": 4.0, "seconds": [2.0, 1.0, 4.0]}


def test_results_written_are_read_back(tmp_path: Path) -> None:
    run = run_of(rated(1.0))
    results.write(tmp_path / "new" / "run.json", run)
    assert results.read(tmp_path / "new" / "run.json") == run


def test_read_of_another_file_refuses_it(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("[1]")
    with pytest.raises(ValueError, match="holds no results"):
        results.read(tmp_path / "x.json")


def test_run_names_the_machine_by_its_cpu_alone() -> None:
    machine = run_of()["machine"]
    assert set(machine) == {"cpu", "cores", "threads", "instruction_set", "system", "python"}


@pytest.mark.parametrize(
    ("after", "verdict"),
    [(2.0, "faster"), (0.5, "slower"), (1.05, "within the noise"), (0.95, "within the noise")],
)
def test_compare_calls_a_change_what_leaves_the_range(after: float, verdict: str) -> None:
    (line,) = compare.compare([rated(1.0)], [rated(after)])
    assert line["verdict"] == verdict
    assert line["ratio"] == after


def test_compare_names_what_came_and_went() -> None:
    gone = {**SUBJECT, "engine": "b", "missing": "why"}
    before = [rated(1.0), rated(1.0, engine="b"), gone | {"engine": "c"}]
    after = [gone, rated(1.0, engine="c"), rated(1.0, engine="d")]
    assert {line["subject"]: line["verdict"] for line in compare.compare(before, after)} == {
        "w, batch 4, threads 2, a": "gone",
        "w, batch 4, threads 2, b": "now missing: why",
        "w, batch 4, threads 2, c": "new",
        "w, batch 4, threads 2, d": "new",
    }


def test_compare_prints_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, rate in (("a.json", 1.0), ("b.json", 4.0)):
        results.write(tmp_path / name, run_of(rated(rate)))
    compare.main(
        argparse.Namespace(before=str(tmp_path / "a.json"), after=str(tmp_path / "b.json"))
    )
    printed = capsys.readouterr().out
    assert "4.000" in printed
    assert "faster" in printed


def test_geometric_mean_of_a_ratio_and_its_inverse_is_one() -> None:
    assert ratios.geometric_mean([4.0, 0.25]) == pytest.approx(1.0, abs=1e-15)
    assert ratios.geometric_mean([]) is None


def test_markdown_lists_the_fastest_first_and_the_missing_last() -> None:
    timed = {"limit": 10.0, "peak_megabytes": 5.0, "first_prediction_seconds": 0.5}
    found = [
        {**SUBJECT, "engine": "gone", "missing": "not there"},
        rated(1.0) | timed,
        rated(2.0, engine="b") | timed,
    ]
    run = results.document(
        "race", {"threads": 2, "rounds": 3}, found, limits={"fma_peak": 1.0},
        engines={"a": {"version": "1", "precision": "float32", "installed_megabytes": None}},
        leads=[{"workload": "w", "batch": 4, "best": "b", "ratio": 0.5}], geometric_mean=0.5,
    )  # fmt: skip
    text = report.markdown(run)
    assert text.index("| b |") < text.index("| a |") < text.index("missing: not there")
    assert "20 %" in text
    assert "Geometric mean of the ratios: **0.50**" in text


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (12.34, "12.3"), (1234, "1.23 k"), (5e7, "50.0 M")]
)
def test_number_shows_three_digits(value: float, text: str) -> None:
    assert report.number(value) == text


def test_batch_size_is_a_number_or_large() -> None:
    assert batch_size("32") == 32
    assert batch_size("large") == LARGE
    with pytest.raises(ValueError):
        batch_size("0")


def test_formats_come_after_what_they_are_made_from() -> None:
    assert with_sources({"mnn"}) == ["keras", "onnx", "mnn"]
    order = list(FORMATS)
    for name, made in FORMATS.items():
        assert made.source is None or order.index(made.source) < order.index(name)


def test_engines_and_trainers_read_formats_that_are_written() -> None:
    for peer in (*ENGINES.values(), *TRAINERS.values()):
        assert peer.file in FORMATS


def test_engine_cnnfast_needs_no_peer() -> None:
    assert make_engine("cnnfast").version()


def test_installed_size_counts_what_a_package_needs() -> None:
    assert {"rich", "markdown-it-py", "pygments"} <= installed.closure("rich")
    alone, total = installed.size_of("rich") / 1e6, installed.megabytes("rich")
    assert total is not None
    assert total > alone > 0


def test_installed_size_of_a_missing_package_is_none() -> None:
    assert installed.megabytes("no-such-package-as-this") is None
