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

# Outputs of another engine may differ by what float32 sums in another order differ by, through
# a few layers and a softmax; a wrong weight or a transposed image differs by orders more. A bfloat16
# has 16 bits less, of which a sum of many regains some.
TOLERANCES = {"float32": 2e-4, "bfloat16": 5e-2}


def disagreements(
    outputs: Mapping[str, NDArray[Any]], precisions: Mapping[str, str]
) -> dict[str, str]:
    """Compare outputs of one batch.

    Args:
        outputs: by engine.
        precisions: by engine, what it computes in; those of float32 settle what is right.

    Returns:
        By engine, what is wrong with its outputs.
    """
    exact = [array for name, array in outputs.items() if precisions[name] == "float32"]
    if not exact:
        return dict.fromkeys(outputs, "no engine of full precision to compare with")
    expected = consensus(exact)
    found = {
        name: difference(expected, array, TOLERANCES[precisions[name]])
        for name, array in outputs.items()
    }
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
