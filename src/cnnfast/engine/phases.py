"""A training step cut where sums over the whole batch are needed.

An operation that reads such a sum, or what follows from one, waits until all groups of images have
contributed to it: the next phase. What an operation of the batch computes, it computes behind the
groups of a phase. All others do what they can as early as they can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from cnnfast.engine.graph import Operation, Value
from cnnfast.engine.memory import LINE, Lifetime, assign_offsets


class Phase(NamedTuple):
    """What happens between two borders.

    Attributes:
        images: operations that each group of images goes through.
        batch: operations that run once, when all groups have.
    """

    images: list[Operation]
    batch: list[Operation]


class Places(NamedTuple):
    """Where values lie that neither the caller nor the optimizer has a place for.

    Attributes:
        slots: by value, of arenas, of the wave and of sums.
        arenas: floats per image of each phase's arena.
        crossing: floats per image that each phase reads or writes in the wave.
        wave: floats per image of what crosses from one phase to another.
        sums: floats of the sums that are complete behind each phase.
    """

    slots: dict[Value, tuple[str, int, int]]
    arenas: list[int]
    crossing: list[int]
    wave: int
    sums: list[int]


def cut_phases(operations: Sequence[Operation]) -> list[Phase]:
    """Sort operations into phases.

    Args:
        operations: in an order they can run in.
    """
    phases: list[Phase] = []
    made: dict[Value, tuple[int, bool]] = {}
    for operation in operations:
        scope, phase = operation.op.scope, 0
        for value in operation.inputs:
            before, is_summed = made.get(value.root, (0, False))
            # Operations of the batch come behind the groups already.
            phase = max(phase, before + (is_summed and scope != "batch"))
        made[operation.output] = (phase, scope != "image")
        while len(phases) <= phase:
            phases.append(Phase([], []))
        phases[phase][scope == "batch"].append(operation)
    return _repeated(phases or [Phase([], [])])


def _repeated(phases: list[Phase]) -> list[Phase]:
    """Compute again, in the phases that read them, results that are cheaper made than kept."""
    makers = {
        operation.output: (index, operation)
        for index, phase in enumerate(phases)
        for operation in phase.images
        if operation.op.is_repeatable
    }
    changed = []
    for index, phase in enumerate(phases):
        again: dict[Value, Value] = {}
        images: list[Operation] = []
        for operation in phase.images:
            inputs = []
            for value in operation.inputs:
                made, maker = makers.get(value.root, (index, operation))
                if made == index:
                    inputs.append(value)
                    continue
                if value.root not in again:
                    again[value.root] = Value(value.root.shape)
                    images.append(Operation(maker.op, maker.inputs, again[value.root]))
                inputs.append(Value(value.shape, alias=again[value.root]))
            same = tuple(inputs) == operation.inputs
            images.append(operation if same else replace(operation, inputs=tuple(inputs)))
        changed.append(Phase(images, phase.batch))
    return changed


def place_values(phases: Sequence[Phase], placed: set[Value]) -> Places:
    """Say where values lie.

    Args:
        phases: of a step.
        placed: values that lie elsewhere.
    """
    spans: dict[Value, tuple[int, int]] = {}
    inside: list[dict[Value, Lifetime]] = []
    slots: dict[Value, tuple[str, int, int]] = {}
    sums: list[int] = []
    for index, phase in enumerate(phases):
        steps: dict[Value, Lifetime] = {}
        floats = sums[-1] if sums else 0
        for step, operation in enumerate(phase.images):
            for value in operation.inputs:
                root = value.root
                if root in spans:
                    spans[root] = (spans[root][0], index)
                if root in steps:
                    steps[root] = steps[root]._replace(last=step)
            output = operation.output
            if output in placed:
                continue
            if operation.op.scope == "sum":
                slots[output] = ("sum", floats, 0)
                floats += -(-output.size // LINE) * LINE
                continue
            spans[output] = (index, index)
            steps[output] = Lifetime(output.size, step, step)
        inside.append(steps)
        sums.append(floats)
    crossing = {
        value: Lifetime(value.size, *span) for value, span in spans.items() if span[0] != span[1]
    }
    wave = _place(crossing, "wave", slots)
    arenas = [
        _place({v: life for v, life in steps.items() if v not in crossing}, "arena", slots)
        for steps in inside
    ]
    moved = [_moved(phase, crossing) for phase in phases]
    return Places(slots, arenas, moved, wave, sums)


def _place(
    lifetimes: dict[Value, Lifetime], where: str, slots: dict[Value, tuple[str, int, int]]
) -> int:
    offsets, floats = assign_offsets(list(lifetimes.values()))
    for value, offset in zip(lifetimes, offsets, strict=True):
        slots[value] = (where, offset, value.size)
    return floats


def _moved(phase: Phase, crossing: dict[Value, Lifetime]) -> int:
    touched = {value.root for operation in phase.images for value in operation.inputs}
    touched |= {operation.output for operation in phase.images}
    return sum(value.size for value in touched if value in crossing)
