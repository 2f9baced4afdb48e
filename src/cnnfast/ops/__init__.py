"""Validated operations on arrays, and the same operations as parts of a graph.

A function such as `conv2d` computes at once. A class such as `Convolution` holds constants and
options, says what shape it makes, and prepares a kernel for the engine's plans.
"""

from cnnfast.ops.convolution import conv2d
from cnnfast.ops.dense import dense
from cnnfast.ops.elementwise import activate, row_activate
from cnnfast.ops.pooling import pool2d

__all__ = ["activate", "conv2d", "dense", "pool2d", "row_activate"]
