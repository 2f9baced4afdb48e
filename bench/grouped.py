"""Depthwise convolution in the words of those who know groups only."""

from __future__ import annotations

from typing import Any

from cnnfast.ops.convolution import Convolution


def as_groups(op: Any) -> Convolution:
    """See a depthwise convolution as one with as many groups as channels."""
    R, S, C, M = op.kernel.shape
    return Convolution(
        op.kernel.reshape(R, S, 1, C * M), op.bias, op.strides, op.padding, op.dilation, C,
        op.activation,
    )  # fmt: skip
