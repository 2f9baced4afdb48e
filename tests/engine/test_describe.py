"""The table of a plan."""

from __future__ import annotations

import numpy as np

from cnnfast.engine.graph import Graph
from cnnfast.engine.plan import compile_graph
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.elementwise import Activate
from cnnfast.ops.pooling import Pooling


def test_describe_tells_kernels_shapes_fusion_and_bounds():
    graph = Graph()
    image = graph.input((8, 8, 16))
    kernel = np.ones((5, 5, 16, 32), np.float32)
    convolved = graph.add(Convolution(kernel), image)
    active = graph.add(Activate(("relu", 0.0, np.inf, 0.0)), convolved)
    graph.output(graph.add(Pooling("max", (2, 2), (2, 2)), active))
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
