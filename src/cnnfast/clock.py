"""One counter for everything that compiled plans depend on."""

from __future__ import annotations

from typing import Final


class Clock:
    """Counts changes: of variables, and of settings that choose kernels."""

    __slots__ = ("time",)

    def __init__(self) -> None:
        self.time = 0


# A compiled plan holds copies of the weights. It is fresh as long as nothing at all has changed,
# which is one comparison of integers in the path of every call.
CLOCK: Final = Clock()
