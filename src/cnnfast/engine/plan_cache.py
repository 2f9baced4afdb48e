"""Compiled plans of one layer or model, found again by the shape of its inputs."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast import config
from cnnfast._kernels.calls import Call, Calls
from cnnfast.clock import CLOCK
from cnnfast.engine.graph import Graph
from cnnfast.engine.plan import Plan, compile_graph
from cnnfast.engine.structure import flatten
from cnnfast.engine.variable import Variable
from cnnfast.threads import thread_count

if TYPE_CHECKING:
    from cnnfast.engine.base_layer import Layer

SampleShape = tuple[int, ...]

# A plan holds packed weights and scratch memory, so networks that see ever new image sizes must
# not collect them without end.
CAPACITY: Final = 8


class Compiled(NamedTuple):
    """A plan with what a caller must know to feed it.

    Attributes:
        plan: its `run(arrays, outputs=None)` computes.
        dtypes: data type of each input array.
        output_shapes: shape of each output, without the batch axis.
        output_dtypes: data type of each output.
    """

    plan: Plan
    dtypes: tuple[np.dtype[Any], ...]
    output_shapes: tuple[SampleShape, ...]
    output_dtypes: tuple[np.dtype[Any], ...]

    def empty_outputs(self, samples: int) -> list[NDArray[Any]]:
        """Allocate arrays for the outputs.

        Args:
            samples: length of the batch axis.
        """
        pairs = zip(self.output_shapes, self.output_dtypes, strict=True)
        return [np.empty((samples, *shape), dtype) for shape, dtype in pairs]

    def as_call(self, time: int) -> Call:
        """Give the short way through a plan with one input and one output.

        Args:
            time: at which the weights were read.
        """
        (dtype,), (shape,), (output_dtype,) = self.dtypes, self.output_shapes, self.output_dtypes
        return Call(self.plan.program, dtype, shape, output_dtype, time)


class PlanCache:
    """Keeps the plans of a layer until its weights change.

    Attributes:
        fast: the plans with one input and one output. This is what a call looks at first.
    """

    def __init__(self) -> None:
        self.fast = Calls(CLOCK, thread_count)
        self._plans: dict[tuple[SampleShape, ...], Compiled] = {}
        self._weights: list[tuple[Variable, int]] = []
        self._uses_winograd = config.winograd()
        self._time = -1
        self._lock = threading.Lock()

    def get(self, layer: Layer, shapes: tuple[SampleShape, ...]) -> Compiled:
        """Find or compile the plan for inputs of given shapes.

        Args:
            layer: the owner of this cache, built.
            shapes: shape of each input, without the batch axis.
        """
        with self._lock:
            # The time before the weights are read: a change in between makes the plan stale.
            time = CLOCK.time
            if time != self._time:
                self._drop_stale(layer)
                self._time = time
            return self._find(layer, shapes, time)

    def _find(self, layer: Layer, shapes: tuple[SampleShape, ...], time: int) -> Compiled:
        compiled = self._plans.get(shapes)
        if compiled is None:
            compiled = compile_layer(layer, shapes)
            self._make_room()
            self._plans[shapes] = compiled
        if len(shapes) == 1 and len(compiled.output_shapes) == 1 and shapes[0]:
            self.fast.put(shapes[0], compiled.as_call(time))
        return compiled

    def clear(self) -> None:
        """Forget every plan."""
        self.fast.clear()
        self._plans.clear()

    def _drop_stale(self, layer: Layer) -> None:
        weights = [(variable, variable.version) for variable in layer.weights]
        uses_winograd = config.winograd()
        if weights != self._weights or uses_winograd != self._uses_winograd:
            self.clear()
            self._weights, self._uses_winograd = weights, uses_winograd

    def _make_room(self) -> None:
        while len(self._plans) >= CAPACITY:
            oldest = next(iter(self._plans))
            del self._plans[oldest]
            self.fast.drop(oldest[0])


def compile_layer(layer: Layer, shapes: tuple[SampleShape, ...]) -> Compiled:
    """Compile a layer or model on its own.

    Args:
        layer: built.
        shapes: shape of each input, without the batch axis.
    """
    graph = Graph()
    dtypes = layer.kernel_input_dtypes(len(shapes))
    values = [graph.input(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    outputs = flatten(layer.lower(graph, *values))
    for value in outputs:
        graph.output(value)
    return Compiled(
        compile_graph(graph),
        tuple(np.dtype(dtype) for dtype in dtypes),
        tuple(tuple(value.shape) for value in outputs),
        tuple(np.dtype(value.dtype) for value in outputs),
    )
