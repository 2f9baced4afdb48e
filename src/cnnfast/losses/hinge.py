"""Losses of margins: predictions should be on the right side of zero, by 1."""

from __future__ import annotations

import numpy as np

from cnnfast.losses.function import Array, Pair, along, dense


@dense
def hinge(y_true: Array, y_pred: Array) -> Pair:
    """Mean max(1 - y_true * y_pred, 0), for targets -1 and 1, or 0 and 1."""
    signs = _signs(y_true)
    short = 1.0 - signs * y_pred
    count = short.shape[-1]
    return np.maximum(short, 0.0).mean(-1), along(-1, lambda: -signs * (short >= 0) / count)


@dense
def squared_hinge(y_true: Array, y_pred: Array) -> Pair:
    """Mean max(1 - y_true * y_pred, 0)^2, for targets -1 and 1, or 0 and 1."""
    signs = _signs(y_true)
    short = np.maximum(1.0 - signs * y_pred, 0.0)
    count = short.shape[-1]
    return np.square(short).mean(-1), along(-1, lambda: signs * short * (-2.0 / count))


@dense
def categorical_hinge(y_true: Array, y_pred: Array) -> Pair:
    """max(largest wrong prediction - right prediction + 1, 0), for one-hot targets."""
    others = (1.0 - y_true) * y_pred
    largest = others.max(-1, keepdims=True)
    short = largest[..., 0] - (y_true * y_pred).sum(-1) + 1.0

    def slope() -> Array:
        chosen = (others == largest).astype(y_pred.dtype)
        chosen /= chosen.sum(-1, keepdims=True)
        result: Array = (short >= 0)[..., np.newaxis] * (chosen * (1.0 - y_true) - y_true)
        return result

    return np.maximum(short, 0.0), along(-1, slope)


def _signs(y_true: Array) -> Array:
    """Turn 0 and 1 into -1 and 1, where there is nothing else."""
    binary = bool(np.isin(y_true, (0, 1)).all())
    return 2.0 * y_true - 1.0 if binary else y_true
