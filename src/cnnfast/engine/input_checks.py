"""Checks of what a layer is called on, with errors that name the layer."""

from __future__ import annotations

from collections.abc import Mapping

from cnnfast.engine.structure import Shape


def check_input_shapes(
    name: str,
    shapes: list[Shape],
    rank: int | tuple[int, ...] | None,
    axes: Mapping[int, int],
) -> None:
    """Compare input shapes with what a layer needs.

    Args:
        name: the layer's name.
        shapes: shape of each input, batch axis first.
        rank: number of axes each input must have, or a choice of them; None for any.
        axes: size each input must have along some axes.

    Raises:
        ValueError: an input has another number of axes or another size.
    """
    allowed = (rank,) if isinstance(rank, int) else rank
    for position, shape in enumerate(shapes):
        if allowed is not None and len(shape) not in allowed:
            expected = " or ".join(str(count) for count in allowed)
            raise ValueError(
                f"Input {position} of layer '{name}' is incompatible with the layer: "
                f"expected ndim={expected}, found ndim={len(shape)}. "
                f"Full shape received: {shape}"
            )
        for axis, size in axes.items():
            if not -len(shape) <= axis < len(shape) or shape[axis] not in (size, None):
                raise ValueError(
                    f"Input {position} of layer '{name}' is incompatible with the layer: "
                    f"expected axis {axis} of input shape to have value {size}, "
                    f"but received input with shape {shape}"
                )


def check_input_count(name: str, shapes: list[tuple[int, ...]]) -> None:
    """Check that arrays hold the same number of samples and that a sample has elements.

    Args:
        name: name of the layer or model.
        shapes: shape of each input array, batch axis first.

    Raises:
        ValueError: they do not.
    """
    for shape in shapes:
        if not shape:
            raise ValueError(
                f"The inputs of '{name}' must be batches, with an axis for the samples in front. "
                "Received a single number."
            )
        if 0 in shape[1:]:
            raise ValueError(
                f"The samples given to '{name}' must have elements. "
                f"Received an input of shape {shape}"
            )
    counts = [shape[0] for shape in shapes]
    if len(set(counts)) > 1:
        raise ValueError(
            f"The inputs of '{name}' must hold the same number of samples. Received: "
            + ", ".join(str(count) for count in counts)
        )
