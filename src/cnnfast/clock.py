"""One counter for everything that compiled plans depend on."""

from __future__ import annotations

from typing import Final


class Clock:
    """Counts changes: of variables, and of settings that choose kernels.

    Attributes:
        time: all changes so far.
        freezes: those of what is trainable among them.
    """

    __slots__ = ("freezes", "time")

    def __init__(self) -> None:
        self.time = 0
        self.freezes = 0

    def freeze(self) -> None:
        """Count a change of what is trainable."""
        self.freezes += 1
        self.time += 1


# A compiled plan holds copies of the weights. It is fresh as long as nothing at all has changed,
# which is one comparison of integers in the path of every call.
CLOCK: Final = Clock()
