from __future__ import annotations

import argparse
from pathlib import Path

from bench import micro, results
from bench.kernels import subjects
from bench.moving import PLACES
from cnnfast._kernels import dispatch
from cnnfast._kernels.elementwise import pairs, row_activations


def test_every_kernel_of_the_table_is_a_subject() -> None:
    names = [subject.name for subject in subjects(1)]
    assert len(set(names)) == len(names)
    for activation in dispatch.activations():
        assert f"{activation}, L2" in names
    for function in row_activations():
        assert f"{function} of 1000, L2" in names
    for pair in pairs():
        for place, _ in PLACES:
            assert f"{pair}, {place}" in names
    for family in ("conv", "winograd", "depthwise", "lanes", "embedding folded", "gate", "prelu"):
        assert any(name.startswith(family) for name in names), family
    for rule in dispatch.updates():
        assert f"update {rule}, L2" in names
    for height in range(1, dispatch.gemm_rows() + 1):
        for vectors in ("2 vectors", "1 vector"):
            assert f"tile {height} rows x {vectors}" in names


def test_every_subject_runs_and_has_work() -> None:
    for subject in subjects(1):
        subject.call()
        assert subject.work > 0


def test_micro_writes_what_compare_reads(tmp_path: Path) -> None:
    path = tmp_path / "micro.json"
    micro.main(argparse.Namespace(threads=1, only="tile 1 rows x 1", rounds=1, output=str(path)))
    (result,) = results.read(path)["results"]
    assert result["kernel"] == "tile 1 rows x 1 vector"
    assert result["unit"] == "GFLOP/s"
    assert 0 < result["low"] <= result["rate"] <= result["high"]
