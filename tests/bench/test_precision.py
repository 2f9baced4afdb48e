"""Errors are measured against float64, and who cannot be measured says why."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import fake_engines
import numpy as np
import pytest

import tolerances
from bench import networks, precision, race, weights
from bench.worker import WorkerError
from cnnfast.engine.graph import Graph

OPTIONS = argparse.Namespace(threads=1, patience=60.0)
SAMPLES = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_error_is_a_part_of_the_outputs() -> None:
    truth = np.array([[3.0, 4.0], [0.0, 5.0]])
    # Halves and quarters are exact.
    assert precision.error((1.25 * truth).astype(np.float32), truth) == 0.25
    assert precision.error(truth.astype(np.float32), truth) == 0.0


def test_prediction_comes_from_a_process_with_its_version() -> None:
    outputs, version = precision.predict("right", "nowhere", SAMPLES, OPTIONS, fake_engines.make)
    np.testing.assert_array_equal(outputs, [[3.0], [12.0]])
    assert version == "1.0"


def test_engine_that_refuses_the_inputs_says_why() -> None:
    with pytest.raises(WorkerError, match="one at a time"):
        precision.predict("refusing", "nowhere", SAMPLES, OPTIONS, fake_engines.make)


def test_truth_is_the_network_in_float64(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from bench.export.torch_file import FILE
    from bench.torch_model import Translator

    model = networks.seed1d()
    weights.seed(model, "seed1d")
    graph = Graph()
    graph.output(model.lower(graph, graph.input((8, 1), "float32")))
    torch.save(Translator(graph).module(), tmp_path / FILE)
    inputs = np.random.default_rng(3).standard_normal((4, 8, 1), dtype=np.float32)
    truth = precision.in_float64(str(tmp_path), inputs)
    assert truth.dtype == np.float64
    # Two sums of three products each, then a sigmoid, beside outputs near a half.
    bound = tolerances.float32_dot(6, 8.0) + tolerances.roundings(
        tolerances.COMPOSITE_ROUNDINGS, 1.0
    )
    assert 0 < precision.error(model(inputs), truth) < float(bound)


def test_without_the_network_in_float64_everybody_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = SimpleNamespace(folder=str(tmp_path), missing={"mnn": "no mnn file"})
    monkeypatch.setattr(race, "files_of", lambda *_: nullcontext(empty))
    options = argparse.Namespace(threads=1, patience=60.0, engines=["cnnfast", "mnn"])
    found = precision.measure("seed1d", options, {})
    assert [result["engine"] for result in found] == ["cnnfast", "mnn"]
    assert all("nothing in float64" in result["missing"] for result in found)


def test_table_has_a_line_for_each_engine_and_gaps_where_there_is_no_error() -> None:
    found = [
        {"workload": "mnist", "engine": "cnnfast", "error": 1.23e-7},
        {"workload": "mnist", "engine": "mnn", "missing": "no file"},
        {"workload": "cifar", "engine": "mnn", "error": 2e-4},
    ]
    assert precision.markdown(found).splitlines() == [
        "| engine | mnist | cifar |",
        "| --- | --- | --- |",
        "| cnnfast | 1.2e-07 |  |",
        "| mnn |  | 2.0e-04 |",
    ]
