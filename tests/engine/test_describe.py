"""The table of a plan."""

from __future__ import annotations

import numpy as np
import pytest

from cnnfast import layers
from cnnfast.engine.graph import Graph
from cnnfast.engine.plan import compile_graph
from cnnfast.models import Sequential
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.elementwise import Activate, Add
from cnnfast.ops.pooling import Pooling

RELU = ("relu", 0.0, np.inf, 0.0)


def test_describe_tells_kernels_shapes_fusion_weights_bounds_and_segments():
    graph = Graph()
    kernel = np.ones((5, 5, 16, 32), np.float32)
    convolved = graph.add(Convolution(kernel, direct=True), graph.input((8, 8, 16)))
    active = graph.add(Activate(RELU), convolved)
    graph.output(graph.add(Pooling("average", (2, 2), (2, 2)), active))
    table = compile_graph(graph).describe(batch=10)
    header, convolution, pooling, segment, folded, total = table.splitlines()
    assert header.split()[:4] == ["step", "segment", "kernel", "input"]
    # 4 * 4 * 32 outputs of 5 * 5 * 16 multiply-adds, 10 images; 4 * (1024 + 512) bytes; 401 rows
    # of 32 weights.
    assert convolution.split() == [
        "0", "0", "Convolution", "8x8x16", "4x4x32", "relu", "4.1", "61.4", "51.3", "arithmetic",
    ]  # fmt: skip
    assert pooling.split()[:5] == ["1", "0", "Pooling", "4x4x32", "2x2x32"]
    assert pooling.endswith("memory")
    assert segment.startswith("segment 0, steps 0 to 1: a thread takes ")
    assert folded == "folded or fused into others: 1 Activate"
    assert total.startswith("2 steps, ")
    assert total.endswith(" for 10 images, 0.0513 MB of weights")


def test_describe_tells_what_is_fused():
    graph = Graph()
    image = graph.input((8, 8, 16))
    same = ((2, 2), (2, 2))
    convolved = graph.add(Convolution(np.ones((5, 5, 16, 16), np.float32), padding=same), image)
    active = graph.add(Activate(RELU), graph.add(Add(), image, convolved))
    convolved = graph.add(Convolution(np.ones((5, 5, 16, 32), np.float32)), active)
    graph.output(graph.add(Pooling("max", (2, 2), (2, 2)), graph.add(Activate(RELU), convolved)))
    _, adding, pooling, *_ = compile_graph(graph).describe().splitlines()
    assert "8x8x16 + 8x8x16  8x8x16  add, relu " in adding
    assert "2x2x32  relu, max 2x2 " in pooling


def test_describe_large_weights_bound_a_single_image_and_are_shared():
    graph = Graph()
    value = graph.input((5000,))
    graph.output(graph.add(Dense(np.ones((5000, 2000), np.float32)), value))
    table = compile_graph(graph).describe()
    assert table.splitlines()[1].endswith("weights")
    assert "segment 0, step 0: threads share each step for all images" in table


def model(*shape: int | None) -> Sequential:
    return Sequential([layers.Input(shape), layers.Conv1D(4, 3), layers.GlobalMaxPooling1D()])


def test_model_plan_prints_the_plan_of_its_batch():
    printed: list[str] = []
    plan = model(20, 3).plan(16)
    plan.describe(printed.append)
    assert printed == [str(plan)]
    assert " for 16 images" in str(plan)


def test_model_plan_of_unknown_shapes_is_an_error():
    with pytest.raises(ValueError, match="known shapes"):
        model(None, 3).plan()


def test_model_plan_of_no_images_is_an_error():
    with pytest.raises(ValueError, match="at least 1"):
        model(20, 3).plan(0)
