"""Numbers of golden files: nine digits tell every float32 from its neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np


def shortened(value: Any) -> Any:
    """Turn arrays into lists and floats into short ones, however deep they lie."""
    if isinstance(value, dict):
        return {name: shortened(entry) for name, entry in value.items()}
    if isinstance(value, np.ndarray):
        return shortened(value.tolist())
    if isinstance(value, list | tuple):
        return [shortened(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(f"{float(value):.9g}")
    return value
