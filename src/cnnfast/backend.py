"""The functions of `keras.backend` that make sense here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)
from cnnfast.utils import clear_session

__all__ = [
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_value",
    "image_data_format",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
]


def get_value(variable: Any) -> NDArray[Any]:
    """Return a copy of a variable's value.

    Args:
        variable: a weight of a layer.
    """
    return np.array(variable)
