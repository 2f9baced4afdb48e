"""Compiled plans of one layer or model, found again by the shape of its inputs."""

from __future__ import annotations

import threading
from itertools import count
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast import config
from cnnfast._kernels.calls import Call, Calls
from cnnfast.clock import CLOCK
from cnnfast.engine.graph import Graph
from cnnfast.engine.live_plan import LOCK, LivePlan, make_plan
from cnnfast.engine.plan import Plan
from cnnfast.engine.structure import flatten
from cnnfast.engine.variable import Variable
from cnnfast.threads import thread_count

if TYPE_CHECKING:
    from cnnfast.engine.base_layer import Layer

SampleShape = tuple[int, ...]
# Shapes of the inputs, and whether for what a layer does in training.
Key = tuple[tuple[SampleShape, ...], bool]

# A plan holds packed weights and scratch memory, so networks that see ever new image sizes must
# not collect them without end.
CAPACITY: Final = 8


class Compiled(NamedTuple):
    """A plan with what a caller must know to feed it.

    Attributes:
        plan: its `run(arrays, outputs=None)` computes; live where outputs follow from the batch
            or from chance.
        dtypes: data type of each input array.
        output_shapes: shape of each output, without the batch axis.
        output_dtypes: data type of each output.
    """

    plan: Plan | LivePlan
    dtypes: tuple[np.dtype[Any], ...]
    output_shapes: tuple[SampleShape, ...]
    output_dtypes: tuple[np.dtype[Any], ...]

    def is_current(self, has_changed: bool) -> bool:
        """Whether the plan is made of the weights as they are.

        Args:
            has_changed: whether any of them did.
        """
        return self.plan.is_current() if isinstance(self.plan, LivePlan) else not has_changed

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
        assert isinstance(self.plan, Plan)
        return Call(self.plan.program, dtype, shape, output_dtype, time)


class PlanCache:
    """Keeps the plans of a layer until its weights change.

    Attributes:
        fast: the plans with one input and one output. This is what a call looks at first.
        steps: numbers the runs of live plans.
    """

    def __init__(self) -> None:
        self.fast = Calls(CLOCK, thread_count)
        self.steps = count()
        self._plans: dict[Key, Compiled] = {}
        self._weights: list[tuple[Variable, int]] = []
        self._uses_winograd = config.winograd()
        self._time = -1
        self._lock = threading.Lock()

    def get(self, layer: Layer, shapes: tuple[SampleShape, ...], training: bool) -> Compiled:
        """Find or compile the plan for inputs of given shapes.

        Args:
            layer: the owner of this cache, built.
            shapes: shape of each input, without the batch axis.
            training: whether for what the layer does in training.
        """
        with self._lock:
            # The time before the weights are read: a change in between makes the plan stale.
            time = CLOCK.time
            if time != self._time:
                self._drop_stale(layer)
                self._time = time
            return self._find(layer, (shapes, training), time)

    def _find(self, layer: Layer, key: Key, time: int) -> Compiled:
        shapes, training = key
        compiled = self._plans.get(key)
        if compiled is None:
            compiled = compile_layer(layer, shapes, training)
            self._make_room()
            self._plans[key] = compiled
        is_plain = not training and isinstance(compiled.plan, Plan)
        if is_plain and len(shapes) == 1 and len(compiled.output_shapes) == 1 and shapes[0]:
            self.fast.put(shapes[0], compiled.as_call(time))
        return compiled

    def clear(self) -> None:
        """Forget every plan."""
        self.fast.clear()
        self._plans.clear()

    def _drop_stale(self, layer: Layer) -> None:
        weights = [(variable, variable.version) for variable in layer.weights]
        uses_winograd = config.winograd()
        has_changed = weights != self._weights
        if has_changed:
            self.fast.clear()
        # A live plan moves averages itself, and stays good.
        self._plans = {
            key: made for key, made in self._plans.items() if made.is_current(has_changed)
        }
        if uses_winograd != self._uses_winograd:
            self.clear()
        self._weights, self._uses_winograd = weights, uses_winograd

    def _make_room(self) -> None:
        while len(self._plans) >= CAPACITY:
            oldest = next(iter(self._plans))
            del self._plans[oldest]
            (shape, *_), training = oldest
            if not training:
                self.fast.drop(shape)


def compile_layer(
    layer: Layer, shapes: tuple[SampleShape, ...], training: bool = False
) -> Compiled:
    """Compile a layer or model on its own.

    Args:
        layer: built.
        shapes: shape of each input, without the batch axis.
        training: whether for what the layer does in training.
    """
    graph = Graph(training=training)
    dtypes = layer.kernel_input_dtypes(len(shapes))
    values = [graph.input(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    with LOCK:
        outputs = flatten(layer.lower(graph, *values))
        for value in outputs:
            graph.output(value)
        plan = make_plan(graph, layer.weights, layer._plans.steps)
    return Compiled(
        plan,
        tuple(np.dtype(dtype) for dtype in dtypes),
        tuple(tuple(value.shape) for value in outputs),
        tuple(np.dtype(value.dtype) for value in outputs),
    )
