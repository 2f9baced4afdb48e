"""Layers that join several inputs into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape, is_shape
from cnnfast.layers import checks, lowering
from cnnfast.ops.elementwise import Add as AddOp
from cnnfast.ops.layout import Concatenate as ConcatenateOp


class Merge(Layer):
    """A layer that is called on a list of inputs."""

    def _checked_shapes(self, input_shape: Any) -> list[Shape]:
        if is_shape(input_shape) or not isinstance(input_shape, list | tuple):
            expectation = "the layer must be called on a list of inputs"
            raise checks.refused(self, expectation, "input_shape", input_shape)
        return [tuple(shape) for shape in input_shape]

    def build(self, input_shape: Any) -> None:
        self.compute_output_shape(input_shape)


class Add(Merge):
    """Add the inputs, element by element.

    Axes of size 1 are stretched to the size of the other inputs, and an input with fewer axes
    gets new ones after the batch axis.

    Input shape:
        A list of shapes.

    Output shape:
        The shape they stretch to.

    Raises:
        ValueError: sizes differ and none of them is 1.
    """

    def compute_output_shape(self, input_shape: Any) -> Shape:
        shapes = self._checked_shapes(input_shape)
        rank = max(len(shape) for shape in shapes)
        aligned = [(shape[0], *(1,) * (rank - len(shape)), *shape[1:]) for shape in shapes]
        return tuple(self._stretched(sizes, input_shape) for sizes in zip(*aligned, strict=True))

    def _stretched(self, sizes: Sequence[int | None], shapes: Any) -> int | None:
        longer = {size for size in sizes if size not in (1, None)}
        if len(longer) > 1:
            raise checks.refused(self, "the shapes to add must agree", "input_shape", shapes)
        return None if None in sizes else next(iter(longer), 1)

    def lower(self, graph: Graph, *values: Value) -> Value:
        shape = self.compute_output_shape([(None, *value.shape) for value in values])
        stretched = [_stretch(graph, value, lowering.sample_shape(shape)) for value in values]
        return stretched[0] if len(stretched) == 1 else graph.add(AddOp(), *stretched)


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
