"""Whether engines compute the same: nobody is timed whose outputs differ.

No engine is the judge. Where three or more answer, what most of them say is right; with two, a
difference condemns both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Outputs of another engine may differ by what float32 sums in another order differ by. Random
# networks of 50 layers make that a thousand times larger, 6e-5 of the largest output; a wrong
# weight or a transposed image differs by that much of it all. bfloat16, with 16 bits less, comes to
# 0.3 there, and can only be seen to compute the same network.
TOLERANCES = {"float32": 1e-3, "bfloat16": 0.5}


def disagreements(
    outputs: Mapping[str, NDArray[Any]], tolerances: Mapping[str, float]
) -> dict[str, str]:
    """Compare outputs of one batch.

    Args:
        outputs: by engine.
        tolerances: by engine, the part of the largest output by which each may be off; those
            that are held to the least settle what is right.

    Returns:
        By engine, what is wrong with its outputs.
    """
    if not outputs:
        return {}
    least = min(tolerances[name] for name in outputs)
    expected = consensus([array for name, array in outputs.items() if tolerances[name] == least])
    found = {name: difference(expected, array, tolerances[name]) for name, array in outputs.items()}
    return {name: wrong for name, wrong in found.items() if wrong}


def consensus(outputs: list[NDArray[Any]]) -> NDArray[Any]:
    """Return the median, number by number, of all outputs that have the most frequent shape."""
    shape, _ = Counter(array.shape for array in outputs).most_common(1)[0]
    alike = [array for array in outputs if array.shape == shape and np.isfinite(array).all()]
    middle: NDArray[Any] = np.median(np.stack(alike or outputs[:1]), axis=0)
    return middle


def difference(expected: NDArray[Any], received: NDArray[Any], tolerance: float) -> str | None:
    """Compare outputs; return what is wrong with them, None if nothing."""
    if expected.shape != received.shape:
        return f"outputs have shape {received.shape}, not {expected.shape}"
    if not np.isfinite(received).all():
        return "outputs are not finite"
    scale = max(1e-30, float(np.abs(expected).max()))
    error = float(np.abs(expected - received).max()) / scale
    return None if error <= tolerance else f"outputs differ by {error:.1e} of the largest"
