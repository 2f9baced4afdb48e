"""The table of a plan."""

from __future__ import annotations

import numpy as np

from cnnfast.engine.graph import Graph
from cnnfast.engine.plan import compile_graph
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.elementwise import Activate, Add
from cnnfast.ops.pooling import Pooling


RELU = ("relu", 0.0, np.inf, 0.0)


def test_describe_tells_kernels_shapes_and_bounds():
    graph = Graph()
    kernel = np.ones((5, 5, 16, 32), np.float32)
    convolved = graph.add(Convolution(kernel), graph.input((8, 8, 16)))
    active = graph.add(Activate(RELU), convolved)
    graph.output(graph.add(Pooling("average", (2, 2), (2, 2)), active))
    table = compile_graph(graph).describe(batch=10)
    header, convolution, pooling, total = table.splitlines()
    assert header.split()[:3] == ["step", "kernel", "input"]
    # 4 * 4 * 32 outputs of 5 * 5 * 16 multiply-adds, 10 images; 4 * (1024 + 512) bytes.
    assert convolution.split() == [
        "0", "Convolution", "8x8x16", "4x4x32", "relu", "4.1", "61.4", "arithmetic",
    ]  # fmt: skip
    assert pooling.split()[:4] == ["1", "Pooling", "4x4x32", "2x2x32"]
    assert pooling.endswith("memory")
    assert total.startswith("2 steps, ")
    assert total.endswith(" for 10 images")


def test_describe_tells_what_is_fused():
    graph = Graph()
    image = graph.input((8, 8, 16))
    same = ((2, 2), (2, 2))
    convolved = graph.add(Convolution(np.ones((5, 5, 16, 16), np.float32), padding=same), image)
    active = graph.add(Activate(RELU), graph.add(Add(), image, convolved))
    convolved = graph.add(Convolution(np.ones((5, 5, 16, 32), np.float32)), active)
    graph.output(graph.add(Pooling("max", (2, 2), (2, 2)), graph.add(Activate(RELU), convolved)))
    _, adding, pooling, _ = compile_graph(graph).describe().splitlines()
    assert "8x8x16 + 8x8x16  8x8x16  add, relu " in adding
    assert "2x2x32  relu, max 2x2 " in pooling
