"""The backward pass: a graph's gradient operations, added behind its forward ones.

Operations are walked from the last to the first. What reads a value has by then said what it
passes back to it; these gradients are added up, go through the activation that an operation
applies itself, and then through the operation's rule (`ops/gradients`). Only what leads to a
weight that trains is computed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeAlias

import numpy as np

from cnnfast.engine.graph import Graph, Operation, Value
from cnnfast.engine.parameters import Parameters
from cnnfast.ops.base import Op
from cnnfast.ops.elementwise import LINEAR, Activate, Add
from cnnfast.ops.gradients import ActivationGradient, Gradient, Rule, Term, rule_of

# Values by the names that rules have for them, and by the terms that gave them.
Known: TypeAlias = dict[str | Term, Value]


def differentiate(
    graph: Graph, seeds: Mapping[Value, Value], parameters: Parameters
) -> dict[Value, int]:
    """Add the operations that compute the gradient of the weights.

    Args:
        graph: the forward pass; its operations hold parts of `parameters.values`.
        seeds: gradients of the loss by the values that it depends on.
        parameters: the weights that train.

    Returns:
        The results, operations add to which, and where each lies in the gradient of all weights.

    Raises:
        NotImplementedError: an operation cannot be differentiated.
    """
    return _Backward(graph, parameters).walk(seeds)


class _Backward:
    """One walk back through a graph."""

    def __init__(self, graph: Graph, parameters: Parameters) -> None:
        self._graph = graph
        self._parameters = parameters
        self._operations = list(graph.operations)
        self._gradients: dict[Value, list[Value]] = {}
        self._sums: dict[Value, int] = {}
        self._densities: dict[Value, float] = {}
        self._to_maxima: dict[Value, Operation] = {}
        self._trains = self._values_that_train()

    def walk(self, seeds: Mapping[Value, Value]) -> dict[Value, int]:
        for value, gradient in seeds.items():
            self._pass_to(value, gradient)
        for operation in reversed(self._operations):
            if operation.output in self._gradients and operation.output in self._trains:
                self._step(operation)
        return self._sums

    def _values_that_train(self) -> set[Value]:
        found: set[Value] = set()
        for operation in self._operations:
            if trained_fields(operation.op, self._parameters) or any(
                value.root in found for value in operation.inputs
            ):
                found.add(operation.output)
        return found

    def _step(self, operation: Operation) -> None:
        rule = rule_of(operation.op, tuple(value.shape for value in operation.inputs))
        if rule is None:
            raise NotImplementedError(
                f"Training through the operation {type(operation.op).__name__}"
                f"{_name_of(operation.op)} is not supported."
            )
        known: Known = {f"x{index}": value for index, value in enumerate(operation.inputs)}
        known |= {"y": operation.output, "dy": self._gradient(operation)}
        self._pass_to_inputs(operation, rule, known)
        for field, offset in trained_fields(operation.op, self._parameters).items():
            self._sums[self._apply(rule.constants[field], known)] = offset

    def _pass_to_inputs(self, operation: Operation, rule: Rule, known: Known) -> None:
        for value, term in zip(operation.inputs, rule.inputs, strict=True):
            if term is not None and value.root in self._trains:
                self._pass_to(value, self._apply(term, known))

    def _gradient(self, operation: Operation) -> Value:
        """Add up what readers passed back, and go through the operation's own activation."""
        gradient, *others = self._gradients[operation.output]
        for other in others:
            gradient = self._graph.add(Add(), gradient, other)
        activation = getattr(operation.op, "activation", LINEAR)
        if activation == LINEAR or isinstance(operation.op, Activate):
            return gradient
        slope = ActivationGradient(activation)
        maker = self._to_maxima.get(gradient)
        if maker is None:
            return self._add(slope, operation.output, gradient)
        # A maximum has the slope of the element that it is: there are fewer maxima.
        x, y, received = maker.inputs
        return self._add(maker.op, x, y, self._add(slope, y, received))

    def _apply(self, term: Term, known: Known) -> Value:
        if term in known:
            return known[term]
        values = [
            self._apply(read, known) if isinstance(read, Term) else known[read]
            for read in term.reads
        ]
        known[term] = values[0] if term.op is None else self._add(term.op, *values)
        return known[term]

    def _add(self, op: Op, *values: Value) -> Value:
        """Add an operation, suited to what is known about zeros in its inputs."""
        if not isinstance(op, Gradient):
            return self._graph.add(op, *values)
        densities = [self._densities.get(value.root, 1.0) for value in values]
        output = self._graph.add(op.suited(*densities), *values)
        self._densities[output] = op.density(*densities)
        if op.passes_to_maxima:
            self._to_maxima[output] = self._graph.operations[-1]
        return output

    def _pass_to(self, value: Value, gradient: Value) -> None:
        root = value.root
        if gradient.shape != root.shape:
            gradient = self._graph.reshape(gradient, root.shape)
        self._gradients.setdefault(root, []).append(gradient)


def trained_fields(op: Op, parameters: Parameters) -> dict[str, int]:
    """Find an operation's constants that train, and where they lie.

    Args:
        op: of the forward pass.
        parameters: the weights that train.
    """
    found: dict[str, int] = {}
    for field, array in constants_of(op).items():
        offset = parameters.offset_of(array)
        if offset is not None:
            found[field] = offset
    return found


def constants_of(op: Op) -> dict[str, Any]:
    """List the fields of an operation that are arrays.

    Args:
        op: any.
    """
    values = {field.name: getattr(op, field.name) for field in fields(op)}  # type: ignore[arg-type]
    return {name: value for name, value in values.items() if isinstance(value, np.ndarray)}


def _name_of(op: Op) -> str:
    name = getattr(op, "name", None)
    return f" {name!r}" if isinstance(name, str) else ""
