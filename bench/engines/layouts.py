"""Inputs in the layouts that engines want; what users' data would be kept in."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def channels_first(inputs: NDArray[Any]) -> NDArray[Any]:
    """Give images as (N, C, H, W), sequences of vectors as images of height 1, ids as they are."""
    if inputs.ndim == 2:
        return inputs
    images = inputs[:, None] if inputs.ndim == 3 else inputs
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
