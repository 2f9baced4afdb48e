"""What each operation passes back: the gradients of its inputs and of its constants.

A rule says which operations of the backward pass compute them, as data: the engine adds them to
the graph. The rules stand in one module for each module of `ops`.
"""

from cnnfast.ops.gradients.batch_normalization import (
    BatchGradientSums,
    BatchInputGradient,
    BetaGradient,
    GammaGradient,
)
from cnnfast.ops.gradients.convolution import (
    BiasGradient,
    ConvolutionInputGradient,
    ConvolutionKernelGradient,
)
from cnnfast.ops.gradients.dense import DenseInputGradient, DenseKernelGradient
from cnnfast.ops.gradients.depthwise import DepthwiseInputGradient, DepthwiseKernelGradient
from cnnfast.ops.gradients.elementwise import (
    ActivationGradient,
    PreluInputGradient,
    PreluSlopesGradient,
    RowGradient,
    SoftmaxGradient,
    follows_output,
)
from cnnfast.ops.gradients.layout import Cut, EmbeddingGradient
from cnnfast.ops.gradients.masks import differentiate_mask
from cnnfast.ops.gradients.merge import Choice, GateGradient, Negative
from cnnfast.ops.gradients.noise import differentiate_drop
from cnnfast.ops.gradients.pooling import GlobalMaxGradient, PoolingGradient
from cnnfast.ops.gradients.resizing import EnlargeGradient
from cnnfast.ops.gradients.rule import PASS, Gradient, Packing, Rule, Term, packing_of, rule_of

__all__ = [
    "PASS",
    "ActivationGradient",
    "BatchGradientSums",
    "BatchInputGradient",
    "BetaGradient",
    "BiasGradient",
    "Choice",
    "ConvolutionInputGradient",
    "ConvolutionKernelGradient",
    "Cut",
    "DenseInputGradient",
    "DenseKernelGradient",
    "DepthwiseInputGradient",
    "DepthwiseKernelGradient",
    "EmbeddingGradient",
    "EnlargeGradient",
    "GammaGradient",
    "GateGradient",
    "GlobalMaxGradient",
    "Gradient",
    "Negative",
    "Packing",
    "PoolingGradient",
    "PreluInputGradient",
    "PreluSlopesGradient",
    "RowGradient",
    "Rule",
    "SoftmaxGradient",
    "Term",
    "differentiate_drop",
    "differentiate_mask",
    "follows_output",
    "packing_of",
    "rule_of",
]
