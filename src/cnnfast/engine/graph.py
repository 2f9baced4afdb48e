"""The compiler's picture of a network: values and the operations that make them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cnnfast.engine.masks import Mask
from cnnfast.ops.base import Op, Shape
from cnnfast.ops.elementwise import Cast
from cnnfast.ops.noise import COUNTERS, Stream

ItemType: TypeAlias = Literal["float32", "int32"]


@dataclass(frozen=True, eq=False)
class Value:
    """What an operation makes, or an input: one array per image.

    Attributes:
        shape: without the batch axis.
        dtype: of its items, which take four bytes each.
        alias: the value whose memory this is, seen in another shape; None for memory of its own.
        first: where it is only a part of each row of the alias: floats of a row before it.
    """

    shape: Shape
    dtype: ItemType = "float32"
    alias: Value | None = None
    first: int = 0

    @property
    def root(self) -> Value:
        """The value that owns the memory."""
        return self if self.alias is None else self.alias.root

    @property
    def offset(self) -> int:
        """Floats of that value before this one."""
        return self.first + (0 if self.alias is None else self.alias.offset)

    @property
    def size(self) -> int:
        """Items per image."""
        return math.prod(self.shape)


@dataclass(frozen=True, eq=False)
class Operation:
    """An op applied to values."""

    op: Op
    inputs: tuple[Value, ...]
    output: Value


@dataclass(eq=False)
class Graph:
    """Operations in the order they were added, which is an order they can run in.

    Attributes:
        training: whether layers do what they do in training.
        draws: counters that random numbers of an image follow from; None if no layer draws any.
        drawing: how many layers draw random numbers.
        penalized: outputs of layers, with the penalties on them.
        learns: whether weights will train, which operations then hold one by one.
        moved: variables that follow the statistics of batches.
        folded: variables that a model may move, of which layers put the values of now into
            operations.
        masks: which places of a value count, where some do not.
    """

    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    training: bool = False
    draws: Value | None = None
    drawing: int = 0
    penalized: list[tuple[Value, Any]] = field(default_factory=list)
    learns: bool = False
    moved: list[Any] = field(default_factory=list)
    folded: list[Any] = field(default_factory=list)
    masks: dict[Value, Mask] = field(default_factory=dict)

    @contextmanager
    def mode(self, training: bool | None) -> Iterator[None]:
        """Let layers do what they do in training, or in prediction; None changes nothing.

        Args:
            training: of a call.
        """
        before = self.training
        self.training = before if training is None else training
        try:
            yield
        finally:
            self.training = before

    def input(self, shape: Shape, dtype: ItemType = "float32") -> Value:
        """Add an input.

        Args:
            shape: without the batch axis.
            dtype: of the array it will be given.
        """
        self.inputs.append(Value(tuple(shape), dtype))
        return self.inputs[-1]

    def penalize(self, values: Sequence[Value], penalty: Any) -> None:
        """Note a penalty on outputs of a layer; whoever trains or evaluates adds it to the loss.

        Args:
            values: the outputs.
            penalty: a regularizer.
        """
        self.penalized += [(value, penalty) for value in values]

    def stream(self, seed: int | None, is_shared: bool = False) -> tuple[Value, Stream]:
        """Give the next layer its random numbers.

        Args:
            seed: that the user gave the layer; None for numbers that differ from run to run.
            is_shared: whether all images of a batch draw the same.

        Returns:
            An input of the graph, one for all layers, and what tells them apart.
        """
        if self.draws is None:
            self.draws = self.input(COUNTERS, "int32")
        self.drawing += 1
        key = self.drawing if seed is None else seed % 2**64
        return self.draws, Stream(key, is_shared, seed is not None)

    def output(self, value: Value) -> None:
        """Make a value an output; the order of calls is the order of outputs."""
        self.outputs.append(value)

    def add(self, op: Op, *values: Value) -> Value:
        """Apply an operation.

        Args:
            op: what to do.
            *values: its inputs; integers become float32 where the op wants floats.

        Returns:
            The output.

        Raises:
            ValueError: the op is not defined for these shapes.
        """
        if not op.takes_integers:
            values = tuple(self.as_floats(value) for value in values)
        output = Value(op.output_shape(*(value.shape for value in values)))
        self.operations.append(Operation(op, values, output))
        return output

    def reshape(self, value: Value, shape: Shape) -> Value:
        """See a value in another shape; nothing is computed or moved.

        Args:
            value: any value.
            shape: of as many items.

        Raises:
            ValueError: the number of items differs.
        """
        shape = tuple(shape)
        if math.prod(shape) != value.size:
            raise ValueError(
                f"An array of shape {value.shape} has {value.size} items and cannot take the "
                f"shape {shape}, which has {math.prod(shape)}."
            )
        return Value(shape, value.dtype, alias=value)

    def as_floats(self, value: Value) -> Value:
        """Turn integers into float32, and leave anything else as it is."""
        return value if value.dtype == "float32" else self.add(Cast(), value)
