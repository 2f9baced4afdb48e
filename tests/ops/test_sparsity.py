"""Which convolutions are worth gradients from what is not zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnfast._kernels.sparse_gradient import SparseInputGradient, SparseKernelGradient
from cnnfast._kernels.weight_gradient import ConvolutionKernelGradient as DenseKernel
from cnnfast._kernels.winograd import Winograd
from cnnfast._kernels.winograd_gradient import WinogradKernelGradient
from cnnfast._kernels.winograd_sequence import WinogradSequence
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.gradients import ConvolutionInputGradient, ConvolutionKernelGradient
from cnnfast.ops.gradients.sparsity import sparse_input_pays, sparse_kernel_pays

# One review of the IMDb network.
SHAPE, KERNEL, DENSITY = (1, 100, 128), (1, 7, 128, 32), 18 / 94


def convolution(kernel: tuple[int, ...] = KERNEL, **options: Any) -> Convolution:
    return Convolution(np.ones(kernel, np.float32), **options)


def test_one_in_five_of_a_text_classifier_pays(isa: str) -> None:
    assert sparse_kernel_pays(convolution(), SHAPE, DENSITY)
    assert sparse_input_pays(convolution(), SHAPE, DENSITY)


@pytest.mark.parametrize("density", [0.9, 1.0])
def test_nothing_known_does_not_pay(isa: str, density: float) -> None:
    assert not sparse_kernel_pays(convolution(), SHAPE, density)
    assert not sparse_input_pays(convolution(), SHAPE, density)


def test_one_channel_does_not_pay(isa: str) -> None:
    op = convolution((3, 3, 1, 32))
    assert not sparse_kernel_pays(op, (28, 28, 1), 1 / 4)
    assert not sparse_input_pays(op, (28, 28, 1), 1 / 4)


@pytest.mark.parametrize(
    "options",
    [
        {"strides": (1, 2)},
        {"dilation": (1, 2)},
        {"kernel": (1, 10, 128, 32)},
        {"kernel": (1, 7, 64, 32), "groups": 2},
        {"kernel": (1, 7, 128, 2000)},
    ],
    ids=str,
)
def test_input_gradient_that_no_kernel_suits_is_dense(isa: str, options: dict[str, Any]) -> None:
    assert not sparse_input_pays(convolution(**options), SHAPE, DENSITY)


def test_gradients_of_wide_5x5_filters_take_winograd_for_the_input_only(isa: str) -> None:
    op, shape, gradient = convolution((5, 5, 64, 64)), (14, 14, 64), (10, 10, 64)
    assert isinstance(ConvolutionInputGradient(op, shape).prepare(gradient), Winograd)
    assert isinstance(ConvolutionKernelGradient(op).prepare(shape, gradient), DenseKernel)
    wide, received = convolution((3, 3, 64, 64)), (12, 12, 64)
    to_kernel = ConvolutionKernelGradient(wide).prepare(shape, received)
    assert isinstance(to_kernel, WinogradKernelGradient)


def test_operations_take_the_kernels_that_pay(isa: str) -> None:
    op, gradient = convolution(), (1, 94, 32)
    to_input, to_kernel = ConvolutionInputGradient(op, SHAPE), ConvolutionKernelGradient(op)
    assert isinstance(to_input.prepare(gradient), WinogradSequence)
    assert isinstance(to_kernel.prepare(SHAPE, gradient), DenseKernel)
    assert isinstance(to_input.suited(DENSITY).prepare(gradient), SparseInputGradient)
    assert isinstance(to_kernel.suited(1.0, DENSITY).prepare(SHAPE, gradient), SparseKernelGradient)
