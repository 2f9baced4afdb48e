"""Layers that join several inputs into one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.masks import Mask, any_of
from cnnfast.engine.structure import Shape, is_shape
from cnnfast.layers import checks, lowering
from cnnfast.ops.elementwise import Add as AddOp
from cnnfast.ops.elementwise import Combine as CombineOp
from cnnfast.ops.layout import Concatenate as ConcatenateOp
from cnnfast.ops.normalization import Gate


class Merge(Layer):
    """A layer that is called on a list of inputs.

    Outputs count where those of any input do, if all have masks. Products, maxima and minima treat
    padding like anything else, as in Keras 2; Keras 3.15 leaves out what only some inputs mark.
    """

    supports_masking = True

    def _checked_shapes(self, input_shape: Any) -> list[Shape]:
        one = is_shape(input_shape) or not isinstance(input_shape, list | tuple)
        if one or not all(is_shape(shape) and len(shape) for shape in input_shape):
            expectation = "the layer must be called on a list of inputs"
            raise checks.refused(self, expectation, "input_shape", input_shape)
        return [tuple(shape) for shape in input_shape]

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)

    def output_mask(self, graph: Graph, values: Sequence[Value]) -> Mask | None:
        masks = [graph.masks[value] for value in values if value in graph.masks]
        if len(masks) < len(values):
            return None
        return any_of(masks, partial(graph.add, CombineOp("maximum")))


class Elementwise(Merge):
    """A merge that computes each element of the outputs from one element of each input.

    Axes of size 1 are stretched to the size of the other inputs, and an input with fewer axes
    gets new ones after the batch axis.

    Input shape:
        A list of shapes.

    Output shape:
        The shape they stretch to.

    Raises:
        ValueError: sizes differ and none of them is 1.
    """

    op: ClassVar[CombineOp]

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = self._checked_shapes(input_shape)
        rank = max(len(shape) for shape in shapes)
        aligned = [(shape[0], *(1,) * (rank - len(shape)), *shape[1:]) for shape in shapes]
        return tuple(self._stretched(sizes, input_shape) for sizes in zip(*aligned, strict=True))

    def _stretched(self, sizes: Sequence[int | None], shapes: Any) -> int | None:
        longer = {size for size in sizes if size not in (1, None)}
        if len(longer) > 1:
            expectation = f"the shapes to {self.op.name} must agree"
            raise checks.refused(self, expectation, "input_shape", shapes)
        return None if None in sizes else next(iter(longer), 1)

    def lower(self, graph: Graph, *values: Value) -> Value:
        shape = self.compute_output_shape([(None, *value.shape) for value in values])
        stretched = [_stretch(graph, value, lowering.sample_shape(shape)) for value in values]
        return stretched[0] if len(stretched) == 1 else graph.add(self.op, *stretched)


class Add(Elementwise):
    """Add the inputs, element by element (shapes: see `Elementwise`)."""

    op = AddOp()


class Subtract(Elementwise):
    """Subtract the second input from the first, element by element (shapes: see `Elementwise`).

    Raises:
        ValueError: there are not two inputs.
    """

    op = CombineOp("subtract")

    def compute_output_shape(self, input_shape: Any) -> Shape:
        if len(self._checked_shapes(input_shape)) != 2:
            expectation = "the layer must be called on two inputs"
            raise checks.refused(self, expectation, "input_shape", input_shape)
        return super().compute_output_shape(input_shape)


class Multiply(Elementwise):
    """Multiply the inputs, element by element (shapes: see `Elementwise`)."""

    op = CombineOp("multiply")

    def lower(self, graph: Graph, *values: Value) -> Value:
        for pair in (values, values[::-1]):
            if len(pair) == 2 and _is_gate(*pair):
                gates = graph.reshape(pair[1], pair[0].shape[-1:])
                return graph.add(Gate(), pair[0], gates)
        return super().lower(graph, *values)


class Average(Elementwise):
    """Take the mean of the inputs, element by element (shapes: see `Elementwise`)."""

    op = AddOp()

    def lower(self, graph: Graph, *values: Value) -> Value:
        return lowering.scale_shift(graph, super().lower(graph, *values), 1 / len(values), 0.0)


class Maximum(Elementwise):
    """Keep the largest of the inputs, element by element (shapes: see `Elementwise`)."""

    op = CombineOp("maximum")


class Minimum(Elementwise):
    """Keep the smallest of the inputs, element by element (shapes: see `Elementwise`)."""

    op = CombineOp("minimum")


class Concatenate(Merge):
    """Lay the inputs end to end along an axis.

    Args:
        axis: the axis, -1 for the last; not the batch axis.
        **kwargs: see `Layer`.

    Input shape:
        A list of shapes that agree in all other axes.

    Output shape:
        The shape of the inputs, the sizes of the axis added up.

    Raises:
        ValueError: the shapes do not agree, or there is no such axis.
    """

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        (self.axis,) = checks.axes(self, "axis", axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = self._checked_shapes(input_shape)
        axis = checks.axis_in(self, self.axis, shapes[0])
        joined = list(shapes[0])
        for shape in shapes[1:]:
            if len(shape) != len(joined):
                raise self._disagreement(input_shape)
            for place, size in enumerate(shape):
                joined[place] = self._joined(joined[place], size, place == axis, input_shape)
        return tuple(joined)

    def _joined(self, one: int | None, other: int | None, adds: bool, shapes: Any) -> int | None:
        if one is None or other is None:
            return None
        if not adds and one != other:
            raise self._disagreement(shapes)
        return one + other if adds else one

    def _disagreement(self, shapes: Any) -> ValueError:
        expectation = f"the shapes to join must agree in all axes but {self.axis}"
        return checks.refused(self, expectation, "input_shape", shapes)

    def lower(self, graph: Graph, *values: Value) -> Value:
        if len(values) == 1:
            return values[0]
        axis = checks.axis_in(self, self.axis, (None, *values[0].shape))
        return graph.add(ConcatenateOp(axis - 1), *values)

    def output_mask(self, graph: Graph, values: Sequence[Value]) -> Mask | None:
        axis = checks.axis_in(self, self.axis, (None, *values[0].shape))
        masks = [graph.masks[value] for value in values if value in graph.masks]
        if axis == len(values[0].shape) or not masks:
            return super().output_mask(graph, values)
        return Mask(lambda: self._joined_masks(graph, axis, masks, len(values)))

    def _joined_masks(self, graph: Graph, axis: int, masks: list[Mask], count: int) -> Value:
        if len(masks) < count:
            raise NotImplementedError(
                f"{checks.title(self)}: to join inputs with and without a mask along axis {axis} "
                "is not supported where the mask is used."
            )
        return graph.add(ConcatenateOp(axis - 1), *(mask.value() for mask in masks))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "axis": self.axis}


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Add tensors: `Add(**kwargs)(inputs)`.

    Args:
        inputs: a list of tensors or arrays.
        **kwargs: see `Layer`.

    Returns:
        Their sum.
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Call `Subtract(**kwargs)(inputs)`.

    Args:
        inputs: two tensors or arrays.
        **kwargs: see `Layer`.

    Returns:
        Their difference.
    """
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Call `Multiply(**kwargs)(inputs)`.

    Args:
        inputs: a list of tensors or arrays.
        **kwargs: see `Layer`.

    Returns:
        Their product.
    """
    return Multiply(**kwargs)(inputs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Call `Average(**kwargs)(inputs)`.

    Args:
        inputs: a list of tensors or arrays.
        **kwargs: see `Layer`.

    Returns:
        Their mean.
    """
    return Average(**kwargs)(inputs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Call `Maximum(**kwargs)(inputs)`.

    Args:
        inputs: a list of tensors or arrays.
        **kwargs: see `Layer`.

    Returns:
        The largest of them, element by element.
    """
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Call `Minimum(**kwargs)(inputs)`.

    Args:
        inputs: a list of tensors or arrays.
        **kwargs: see `Layer`.

    Returns:
        The smallest of them, element by element.
    """
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Join tensors along an axis: `Concatenate(axis, **kwargs)(inputs)`.

    Args:
        inputs: a list of tensors or arrays.
        axis: see `Concatenate`.
        **kwargs: see `Layer`.

    Returns:
        The joined tensor.
    """
    return Concatenate(axis, **kwargs)(inputs)


def _stretch(graph: Graph, value: Value, target: tuple[int, ...]) -> Value:
    new = (1,) * (len(target) - len(value.shape))
    value = graph.reshape(value, (*new, *value.shape))
    for axis, size in enumerate(target):
        if value.shape[axis] != size:
            value = lowering.repeat(graph, value, axis, size)
    return value


def _is_gate(value: Value, gates: Value) -> bool:
    """Tell whether an input holds one factor for each channel of another one."""
    return (
        len(gates.shape) <= len(value.shape)
        and gates.shape[-1:] == value.shape[-1:]
        and math.prod(gates.shape[:-1]) == 1 != math.prod(value.shape[:-1])
    )
