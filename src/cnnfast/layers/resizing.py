"""Sequences and images cut or enlarged."""

from __future__ import annotations

from typing import Any, ClassVar

from cnnfast import arguments
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.layers import checks, lowering
from cnnfast.layers.windows import join_shape, shown_defaults, split_shape
from cnnfast.ops.geometry import is_integer
from cnnfast.ops.resizing import Crop, Enlarge

Sides = tuple[int, int]
INTERPOLATIONS = ("nearest", "bilinear")


class BaseCropping(Layer):
    """Elements cut off both ends of `rank` axes."""

    rank: ClassVar[int]
    data_format = "channels_last"

    def __init__(self, cropping: Any = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sides = self._checked_sides(cropping)

    def _checked_sides(self, value: Any) -> tuple[Sides, ...]:
        axes = (value,) if self.rank == 1 else value
        if is_integer(value):
            axes = (value,) * self.rank
        if not isinstance(axes, list | tuple) or len(axes) != self.rank:
            expectation = f"`cropping` must be an integer or {self.rank} pairs of integers"
            raise checks.refused(self, expectation, "cropping", value)
        pairs = [checks.sizes(self, "cropping", axis, 2) for axis in axes]
        return tuple((before, after) for before, after in pairs)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        lengths, channels = split_shape(input_shape[1:], self.data_format)
        left = tuple(
            None if length is None else length - sum(sides)
            for length, sides in zip(lengths, self.sides, strict=True)
        )
        if any(length is not None and length < 1 for length in left):
            expectation = f"`cropping` must leave something of the input {input_shape}"
            raise checks.refused(self, expectation, "cropping", self.cropping)
        return input_shape[0], *join_shape(left, channels, self.data_format)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        height, width = ((0, 0), *self.sides)[-2:]
        return lowering.add_to_image(graph, Crop((height, width)), value, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "cropping": self.cropping}

    @property
    def cropping(self) -> Any:
        """The elements cut off each axis; a single pair for sequences."""
        return self.sides[0] if self.rank == 1 else self.sides


@shown_defaults(cropping=(1, 1))
class Cropping1D(BaseCropping):
    """Cut steps off both ends of sequences.

    Args:
        cropping: how many at both ends, or (before, after).
        **kwargs: see `Layer`.

    Input shape:
        (N, L, C)

    Output shape:
        (N, L - before - after, C)

    Raises:
        ValueError: nothing would be left.
    """

    rank, input_rank = 1, 3


class Cropping2D(BaseCropping):
    """Cut rows and columns off images.

    As `Cropping1D`; `cropping` is one number for all sides, (rows, columns) or
    ((top, bottom), (left, right)).

    Input shape:
        (N, H, W, C), or (N, C, H, W) with `data_format="channels_first"`.
    """

    rank, input_rank = 2, 4

    def __init__(
        self,
        cropping: Any = ((0, 0), (0, 0)),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(cropping, **kwargs)
        self.data_format = checks.data_format(self, data_format)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class UpSampling1D(Layer):
    """Repeat each step of sequences.

    Args:
        size: how often.
        **kwargs: see `Layer`.

    Input shape:
        (N, L, C)

    Output shape:
        (N, L * size, C)
    """

    input_rank = 3

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.size = checks.integer(self, "size", size)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], _times(input_shape[1], self.size), input_shape[2]

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        return lowering.add_to_image(graph, Enlarge((1, self.size)), value, "channels_last")

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "size": self.size}


class UpSampling2D(Layer):
    """Make images larger.

    Args:
        size: factor, or one for the rows and one for the columns.
        data_format: "channels_last" or "channels_first".
        interpolation: "nearest" repeats pixels, "bilinear" blends the four around a point.
        **kwargs: see `Layer`.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with `data_format="channels_first"`.

    Output shape:
        The same with H and W multiplied by `size`.

    Raises:
        ValueError: an argument is out of range.
    """

    input_rank = 4

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        height, width = checks.integers(self, "size", size, 2)
        self.size = (height, width)
        self.data_format = checks.data_format(self, data_format)
        self.interpolation = arguments.choice(
            interpolation, "interpolation", checks.title(self), INTERPOLATIONS
        )

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        lengths, channels = split_shape(input_shape[1:], self.data_format)
        larger = tuple(_times(*axis) for axis in zip(lengths, self.size, strict=True))
        return input_shape[0], *join_shape(larger, channels, self.data_format)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        op = Enlarge(self.size, "nearest" if self.interpolation == "nearest" else "bilinear")
        return lowering.add_to_image(graph, op, value, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "size": self.size,
            "data_format": self.data_format,
            "interpolation": self.interpolation,
        }


def _times(length: int | None, factor: int) -> int | None:
    return None if length is None else length * factor
