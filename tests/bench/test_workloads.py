from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench import bound, limits, model_files, weights
from bench.export import lowered, work
from bench.workloads import WORKLOADS
from cnnfast.engine.graph import Graph
from cnnfast.models import model_from_json
from cnnfast.ops.depthwise import Depthwise

OWN = [name for name, workload in WORKLOADS.items() if workload.build]


def test_weights_of_a_name_are_the_same_every_time() -> None:
    first, second = (WORKLOADS["seed2d"].model().get_weights() for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_of_variances_are_positive_and_of_scales_near_one() -> None:
    random = np.random.default_rng(0)
    for name in ("gamma", "moving_variance", "bn/moving_variance:0"):
        values = weights.draw(random, name, (1000,))
        assert values.min() > 0
        assert abs(values.mean() - 1) < 0.1


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("kernel", (3, 3, 16, 32), 144),
        ("kernel", (7, 128, 32), 896),
        ("kernel", (100, 10), 100),
        ("kernel", (3, 3, 64, 1), 9),
        ("depthwise_kernel", (3, 3, 64, 2), 9),
    ],
)
def test_terms_are_the_products_of_a_sum(name: str, shape: tuple[int, ...], expected: int) -> None:
    assert weights.terms(name, shape) == expected


@pytest.mark.parametrize("name", OWN)
def test_inputs_fit_the_network_and_outputs_are_neither_flat_nor_saturated(name: str) -> None:
    workload = WORKLOADS[name]
    outputs = workload.model()(workload.inputs(4))
    assert np.isfinite(outputs).all()
    assert np.ptp(outputs) > 1e-3
    assert outputs.max() < 1 - 1e-6


def test_inputs_of_ids_are_below_the_vocabulary() -> None:
    ids = WORKLOADS["imdb"].inputs(8)
    assert ids.dtype == np.int32
    assert 0 <= ids.min() <= ids.max() < 20000


def test_model_saved_is_loaded_with_its_weights_and_keeps_them(tmp_path: Path) -> None:
    model = WORKLOADS["mnist"].model()
    model_files.save(model, str(tmp_path))
    again = model_files.load(str(tmp_path), model_from_json)
    weights_file = tmp_path / model_files.WEIGHTS
    weights_file.write_bytes(bytes(weights_file.stat().st_size))
    samples = WORKLOADS["mnist"].inputs(2)
    np.testing.assert_array_equal(again(samples), model(samples))


def test_work_of_a_network_is_counted_by_hand(tmp_path: Path) -> None:
    model_files.save(WORKLOADS["seed2d"].model(), str(tmp_path))
    counted = work.count(lowered.graph("seed2d", str(tmp_path)))
    # 2 x 2 places of a 3 x 3 window, and one product of the last layer; 4 x 4 floats in, 1 out.
    assert counted == {"operations": 2 * (4 * 9 + 1), "bytes": 4 * 17, "weights": 4 * 10}


def test_work_of_a_depthwise_convolution_is_a_window_for_each_output() -> None:
    graph = Graph()
    value = graph.input((4, 4, 3))
    graph.output(graph.add(Depthwise(np.ones((3, 3, 3, 2), np.float32)), value))
    assert work.count(graph)["operations"] == 2 * (2 * 2 * 6) * 9


def test_bound_is_the_slower_of_arithmetic_and_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "copy_bandwidth", lambda *arguments, **named: 2.0)
    counted = {"operations": 1e9, "bytes": 1e6, "weights": 0.0}
    assert bound.rate(counted, 4, 10.0, 1) == pytest.approx(10.0)
    assert bound.rate(counted | {"bytes": 1e9}, 4, 10.0, 1) == pytest.approx(2.0)
    assert bound.rate(counted | {"weights": 4e9}, 4, 10.0, 1) == pytest.approx(2.0, rel=0.01)
