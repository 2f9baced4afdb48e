"""Keras's layers.

A layer is its configuration, its weights and a shape rule; what it computes it says once, in
`lower`, as operations of a graph. The modules have the names of Keras 2's.
"""

from __future__ import annotations

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.input_layer import Input, InputLayer
from cnnfast.layers import registry
from cnnfast.layers.advanced_activations import ELU, LeakyReLU, PReLU, ReLU, Softmax
from cnnfast.layers.convolutional import (
    Conv1D,
    Conv2D,
    Convolution1D,
    Convolution2D,
    ZeroPadding1D,
    ZeroPadding2D,
)
from cnnfast.layers.core import (
    Activation,
    Dense,
    Dropout,
    Flatten,
    Identity,
    Permute,
    RepeatVector,
    Reshape,
    SpatialDropout1D,
    SpatialDropout2D,
)
from cnnfast.layers.depthwise import DepthwiseConv1D, DepthwiseConv2D
from cnnfast.layers.embeddings import Embedding
from cnnfast.layers.masking import Masking
from cnnfast.layers.merge import (
    Add,
    Average,
    Concatenate,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
    add,
    average,
    concatenate,
    maximum,
    minimum,
    multiply,
    subtract,
)
from cnnfast.layers.noise import AlphaDropout, GaussianDropout, GaussianNoise
from cnnfast.layers.normalization import BatchNormalization
from cnnfast.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AvgPool1D,
    AvgPool2D,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalAvgPool1D,
    GlobalAvgPool2D,
    GlobalMaxPool1D,
    GlobalMaxPool2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    MaxPool1D,
    MaxPool2D,
    MaxPooling1D,
    MaxPooling2D,
)
from cnnfast.layers.preprocessing import Normalization, Rescaling
from cnnfast.layers.registry import UnsupportedLayerError, deserialize, serialize
from cnnfast.layers.resizing import Cropping1D, Cropping2D, UpSampling1D, UpSampling2D
from cnnfast.layers.separable import (
    SeparableConv1D,
    SeparableConv2D,
    SeparableConvolution1D,
    SeparableConvolution2D,
)

__all__ = [
    "ELU",
    "Activation",
    "Add",
    "AlphaDropout",
    "Average",
    "AveragePooling1D",
    "AveragePooling2D",
    "AvgPool1D",
    "AvgPool2D",
    "BatchNormalization",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "Convolution1D",
    "Convolution2D",
    "Cropping1D",
    "Cropping2D",
    "Dense",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalAvgPool1D",
    "GlobalAvgPool2D",
    "GlobalMaxPool1D",
    "GlobalMaxPool2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "Identity",
    "Input",
    "InputLayer",
    "Layer",
    "LeakyReLU",
    "Masking",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "Softmax",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "Subtract",
    "UnsupportedLayerError",
    "UpSampling1D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]

# Every class above under every name above: the aliases are the names that Keras 1 used too.
for _name in __all__:
    _exported = globals()[_name]
    if isinstance(_exported, type) and issubclass(_exported, Layer) and _exported is not Layer:
        registry.register(_name, cls=_exported)
