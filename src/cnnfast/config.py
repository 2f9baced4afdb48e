"""Settings of the whole program, under Keras's names."""

from __future__ import annotations

from typing import Final

from cnnfast.clock import CLOCK
from cnnfast.threads import num_threads, set_num_threads, thread_count

__all__ = [
    "backend",
    "epsilon",
    "floatx",
    "get_num_threads",
    "image_data_format",
    "num_threads",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_num_threads",
    "set_winograd",
    "winograd",
]

_DATA_FORMATS: Final = ("channels_last", "channels_first")


class _Settings:
    image_data_format = "channels_last"
    epsilon = 1e-7
    winograd = True


def get_num_threads() -> int:
    """Return the number of threads a call uses at most."""
    return thread_count()


def backend() -> str:
    """Return the name of what computes: always "cnnfast"."""
    return "cnnfast"


def floatx() -> str:
    """Return the data type of weights and results: always "float32"."""
    return "float32"


def set_floatx(dtype: str) -> None:
    """Accept the one data type there is.

    Args:
        dtype: "float32".

    Raises:
        ValueError: it is another.
    """
    if dtype != "float32":
        raise ValueError(f"`floatx` must be 'float32', the only type. Received: {dtype!r}")


def epsilon() -> float:
    """Return the small number that keeps divisions and logarithms finite, 1e-7 at first."""
    return _Settings.epsilon


def set_epsilon(value: float) -> None:
    """Choose the small number that keeps divisions and logarithms finite.

    Args:
        value: positive.

    Raises:
        ValueError: it is not.
    """
    if not value > 0:
        raise ValueError(f"`epsilon` must be positive. Received: {value!r}")
    _Settings.epsilon = float(value)


def image_data_format() -> str:
    """Return where layers expect the channels of images unless told: "channels_last" at first."""
    return _Settings.image_data_format


def set_image_data_format(data_format: str) -> None:
    """Choose where layers made from now on expect the channels of images.

    Args:
        data_format: "channels_last" for (H, W, C) or "channels_first" for (C, H, W).

    Raises:
        ValueError: it is neither.
    """
    if data_format not in _DATA_FORMATS:
        raise ValueError(f"`data_format` must be one of {_DATA_FORMATS}. Received: {data_format!r}")
    _Settings.image_data_format = data_format


def winograd() -> bool:
    """Return whether convolutions may be computed with Winograd's algorithm."""
    return _Settings.winograd


def set_winograd(enabled: bool) -> None:
    """Choose whether convolutions may be computed with Winograd's algorithm.

    It takes a quarter of the multiplications of 3 x 3 filters, 36 % of those of 5 x 5 and half of
    those along sequences, and errs about 2.3 times as much as direct sums in float32 do, still some
    millionths of the largest value. Models are compiled anew after a change.

    Args:
        enabled: True, the default, to use it wherever it is faster; False for direct sums.

    Raises:
        TypeError: it is neither.
    """
    if not isinstance(enabled, bool):
        raise TypeError(f"`enabled` must be True or False. Received: {enabled!r}")
    if enabled != _Settings.winograd:
        _Settings.winograd = enabled
        CLOCK.time += 1
