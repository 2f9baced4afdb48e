"""Ctrl-C that waits for the end of a step, so that it never leaves half of one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Interruptions(threading.local):
    """What a signal finds: whether this thread is just changing weights."""

    def __init__(self) -> None:
        self._holds_back = False
        self._is_waiting = False

    def hold_back(self) -> None:
        """Begin to change weights: from now on Ctrl-C waits."""
        self._holds_back = True

    def let_through(self) -> None:
        """End it.

        Raises:
            KeyboardInterrupt: the user asked for it in the meantime.
        """
        self._holds_back = False
        if self._is_waiting:
            self._is_waiting = False
            raise KeyboardInterrupt

    def receive(self, *received: Any) -> None:
        """Handle the signal.

        Args:
            received: its number and the frame, as Python passes them.

        Raises:
            KeyboardInterrupt: no weights are being changed, or this is the second signal.
        """
        if self._is_waiting or not self._holds_back:
            self._is_waiting = False
            signal.default_int_handler(*received)
        self._is_waiting = True


INTERRUPTIONS = Interruptions()


@contextmanager
def interruptions_between_steps() -> Iterator[None]:
    """Let Ctrl-C wait inside of steps as long as this lasts.

    Nothing changes where the program handles the signal itself, or off the main thread, which
    alone receives signals.

    Yields:
        Nothing.
    """
    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_default or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, INTERRUPTIONS.receive)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
