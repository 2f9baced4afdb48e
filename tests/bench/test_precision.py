"""Errors are measured against float64, and who cannot be measured says why."""

from __future__ import annotations

import argparse
from pathlib import Path

import fake_engines
import numpy as np
import pytest

from bench import networks, precision, weights
from bench.worker import WorkerError
from cnnfast.engine.graph import Graph

OPTIONS = argparse.Namespace(threads=1, patience=60.0)
SAMPLES = np.arange(6, dtype=np.float32).reshape(2, 3)


def test_error_is_a_part_of_the_outputs() -> None:
    truth = np.array([[3.0, 4.0], [0.0, 5.0]])
    assert precision.error(np.float32(1.01) * truth.astype(np.float32), truth) == pytest.approx(
        0.01, rel=1e-5
    )
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
    # Sums of some ten float32 products each, layer after layer.
    assert precision.error(model(inputs), truth) < 100 * np.finfo(np.float32).eps


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
