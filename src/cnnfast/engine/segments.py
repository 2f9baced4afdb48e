"""Where a plan is cut, and how many images go through each segment together.

A thread that takes a group of G images through a step reads the step's weights once for all of
them, but the more images, the less of their values stays in L2. Early layers have large images
and few weights, late ones small images and many weights: hence segments. What follows estimates
the time per image that threads wait for memory, for any cut and any G; computing takes the same
whatever they are. The cheapest list of segments is found by dynamic programming over the places
where few values are alive.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from cnnfast.engine.machine import Machine

# Images of a group. More only grow the arena: the cost of beginning a step is spread already.
GROUPS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256)
# What leaves L3 takes the place of others' memory: a group so large must save this share of the
# time that computing takes.
WORTHWHILE: Final = 0.01
# Images that the cost of a cut is spread over: those of a large batch, or of a wave.
WAVE: Final = 32
# Bytes of weights that no group is large enough for: threads share the step, and the panels of
# its weights, for all images of a wave.
HUGE_WEIGHTS: Final = 32 << 20


class Load(NamedTuple):
    """What a step moves.

    Attributes:
        values: bytes of its inputs and output, per image.
        weights: bytes of its packed constants.
        crossing: bytes per image that are alive before it begins.
        splits: whether its weights can be cut into panels.
        work: floating-point operations per image.
    """

    values: int
    weights: int
    crossing: int
    splits: bool = False
    work: float = 0.0


class Segment(NamedTuple):
    """Steps that images go through together.

    Attributes:
        first: the first step.
        stop: the step after the last.
        group: how many images a thread takes through them at a time; 0 where all threads share
            each step for all images there are.
    """

    first: int
    stop: int
    group: int

    @property
    def steps(self) -> int:
        """How many steps it has."""
        return self.stop - self.first

    @property
    def shared(self) -> bool:
        """Whether all threads do each step together."""
        return self.group == 0


def cut_into_segments(loads: Sequence[Load], machine: Machine) -> list[Segment]:
    """Find the cheapest cuts and groups.

    Args:
        loads: what each step moves, in order.
        machine: what memory and caches are capable of.
    """
    segments: list[Segment] = []
    first = 0
    for step, load in enumerate(loads):
        if load.splits and load.weights > HUGE_WEIGHTS:
            segments += cut_groups(loads, first, step, machine)
            segments.append(Segment(step, step + 1, 0))
            first = step + 1
    return segments + cut_groups(loads, first, len(loads), machine)


def cut_groups(loads: Sequence[Load], first: int, stop: int, machine: Machine) -> list[Segment]:
    """Find the cheapest cuts of steps [first, stop), none of which is shared."""
    if first == stop:
        return []
    costs = Costs(loads, machine)
    cuts = [first, *(cut for cut in range(first + 1, stop) if costs.may_cut(cut)), stop]
    best: dict[int, tuple[float, list[Segment]]] = {first: (0.0, [])}
    for position, end in enumerate(cuts[1:], 1):
        best[end] = min(
            (
                (best[begin][0] + cost, [*best[begin][1], Segment(begin, end, group)])
                for begin in cuts[:position]
                for cost, group in [costs.of(begin, end)]
            ),
            key=lambda candidate: candidate[0],
        )
    return best[stop][1]


class Costs:
    """Seconds per image that a core waits, for any segment of a list of steps.

    Args:
        loads: what each step moves.
        machine: what memory and caches are capable of.
    """

    def __init__(self, loads: Sequence[Load], machine: Machine) -> None:
        self.loads = loads
        self.machine = machine
        self.weights = [0, *accumulate(load.weights for load in loads)]
        self.work = [0.0, *accumulate(load.work for load in loads)]
        self.values = {
            group: [0.0, *accumulate(self.waits_for_values(load, group) for load in loads)]
            for group in GROUPS
        }

    def may_cut(self, step: int) -> bool:
        """Whether as little is alive before a step as anywhere near."""
        near = self.loads[max(step - 2, 1) : step + 3]
        return self.loads[step].crossing == min(load.crossing for load in near)

    def of(self, first: int, stop: int) -> tuple[float, int]:
        """Return the cost of a segment with its best group, and that group."""
        cut = 0.0
        if first:
            cut = self.loads[first].crossing / self.machine.crossing_rate
            cut += self.machine.meeting / WAVE
        costs = [(cut + self.waits_in_groups(first, stop, group), group) for group in GROUPS]
        best, group = min(costs)
        if group * max(load.values for load in self.loads[first:stop]) <= self.machine.l3:
            return best, group
        computing = (self.work[stop] - self.work[first]) / self.machine.flops
        enough = best + WORTHWHILE * computing
        return next((cost, group) for cost, group in costs if cost <= enough)

    def waits_in_groups(self, first: int, stop: int, group: int) -> float:
        """Return the cost of a segment's steps, without that of its beginning."""
        weights = self.weights[stop] - self.weights[first]
        waits = self.values[group][stop] - self.values[group][first]
        waits += (stop - first) * self.machine.step / group
        if weights > self.machine.l2:
            waits += weights / self.machine.weights_rates[weights > self.machine.l3] / group
        return waits

    def waits_for_values(self, load: Load, group: int) -> float:
        """Return what a step waits for its values, per image."""
        together = load.values * group
        if together <= self.machine.l2:
            return 0.0
        in_l3, in_memory = self.machine.values_rates
        if together > self.machine.l3:
            return load.values / in_memory
        # The more of L3 they take, the more often something else has driven them out.
        return load.values / in_l3 * (1.0 + together / self.machine.l3)
