"""Masks: which places of a value count, and which are padding.

A mask is made only where somebody asks for it, since most networks have a layer behind an embedding
that has no use for one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cnnfast.engine.graph import Graph, Value


class Mask:
    """A value with 1 for each place that counts and 0 for others.

    Args:
        make: adds operations that make it.
    """

    def __init__(self, make: Callable[[], Value]) -> None:
        self._make = make
        self._value: Value | None = None

    def value(self) -> Value:
        """Return the value, the same one each time."""
        if self._value is None:
            self._value = self._make()
        return self._value


def any_of(masks: Sequence[Mask], join: Callable[..., Value]) -> Mask | None:
    """Let places count that count in any of some masks.

    Args:
        masks: possibly none.
        join: adds the operation that takes the maximum of values.
    """
    if len(masks) < 2:
        return masks[0] if masks else None
    return Mask(lambda: join(*(mask.value() for mask in masks)))


class Masked:
    """What a layer does about masks."""

    # Whether outputs count where inputs do; otherwise a mask ends here.
    supports_masking: bool = False

    def output_mask(self, graph: Graph, values: Sequence[Value]) -> Mask | None:
        """Say which places of the output count: by default those of the first input.

        Args:
            graph: the graph being put together; `graph.masks` has those of the inputs.
            values: the inputs.
        """
        return graph.masks.get(values[0]) if self.supports_masking else None

    def with_masks(
        self, graph: Graph, values: Sequence[Value], outputs: Sequence[Value]
    ) -> list[Value]:
        """Note the mask of the outputs, which have none or that of an input so far.

        Args:
            graph: the graph being put together.
            values: the inputs.
            outputs: what `lower` made of them.

        Returns:
            The outputs; one that ends a mask, and is an input otherwise, as another value.
        """
        mask = self.output_mask(graph, values)
        if mask is None:
            masked = graph.masks
            return [graph.reshape(v, v.shape) if v in masked else v for v in outputs]
        graph.masks |= dict.fromkeys(outputs, mask)
        return list(outputs)
