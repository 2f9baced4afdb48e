"""Convolutions of one channel at a time, and a mixing of the channels behind them."""

from __future__ import annotations

from typing import Any

from cnnfast import constraints, initializers, regularizers
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.engine.variable import Variable
from cnnfast.layers import checks, lowering
from cnnfast.layers.depthwise import BaseDepthwise, as_image_kernel
from cnnfast.layers.windows import shown_defaults
from cnnfast.ops.convolution import Convolution


class BaseSeparableConvolution(BaseDepthwise):
    """A depthwise convolution over `rank` axes, then a matrix over the channels of each place."""

    pointwise_kernel: Variable

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            kernel_size,
            strides,
            padding,
            depth_multiplier,
            data_format,
            dilation_rate,
            depthwise_initializer,
            depthwise_regularizer,
            depthwise_constraint,
            activation=activation,
            use_bias=use_bias,
            bias_initializer=bias_initializer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.filters = checks.integer(self, "filters", filters)
        self.pointwise_initializer = initializers.get(pointwise_initializer)
        self.pointwise_regularizer = regularizers.get(pointwise_regularizer)
        self.pointwise_constraint = constraints.get(pointwise_constraint)

    @property
    def depthwise_kernel(self) -> Variable:
        """The first of the two kernels, (sizes, channels, depth_multiplier)."""
        return self.kernel

    def build(self, input_shape: Shape) -> None:
        convolved = self.convolved_shape(input_shape, self.filters)
        channels = self.add_depthwise(input_shape, "depthwise_kernel")
        self.pointwise_kernel = self.add_weight(
            (*(1,) * self.rank, channels, self.filters),
            self.pointwise_initializer,
            "pointwise_kernel",
            regularizer=self.pointwise_regularizer,
            constraint=self.pointwise_constraint,
        )
        self.add_bias(self.filters)
        self.build_activation(convolved)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.activated_shape(self.convolved_shape(input_shape, self.filters))

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        pointwise = Convolution(
            as_image_kernel(self.pointwise_kernel),
            None if self.bias is None else self.bias.value,
            activation=lowering.fused_activation(self.activation),
        )
        return self.add_operations(graph, value, pointwise)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "pointwise_initializer": initializers.serialize(self.pointwise_initializer),
            "pointwise_regularizer": regularizers.serialize(self.pointwise_regularizer),
            "pointwise_constraint": constraints.serialize(self.pointwise_constraint),
        }


class SeparableConv1D(BaseSeparableConvolution):
    """Convolve each channel of sequences by itself, then mix the channels of each place.

    outputs[n, q, k] = activation(bias[k] + sum over c, m of pointwise_kernel[0, c * M + m, k]
        * sum over s of inputs[n, q * stride + s * dilation, c] * depthwise_kernel[s, c, m])

    Args:
        filters: the channels of the outputs.
        kernel_size: taps of each filter.
        strides: steps from one output to the next.
        padding: "valid" (none), "same" (ceil(L / stride) outputs, the odd zero at the end) or
            "causal" (zeros in front, so that no output sees a later input; Keras 3 refuses it).
        data_format: "channels_last", or "channels_first" for inputs of shape (N, C, L).
        dilation_rate: steps from one tap to the next.
        depth_multiplier: M, how many filters each channel has.
        activation: name, function of `cnnfast.activations` or layer; None for linear.
        use_bias: whether a bias is added.
        depthwise_initializer: first values of the depthwise kernel.
        pointwise_initializer: first values of the pointwise kernel.
        bias_initializer: first values of the bias.
        depthwise_regularizer: penalty on the depthwise kernel.
        pointwise_regularizer: penalty on the pointwise kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        depthwise_constraint: projection of the depthwise kernel after each update.
        pointwise_constraint: projection of the pointwise kernel after each update.
        bias_constraint: projection of the bias after each update.
        **kwargs: `name`, `trainable`, `dtype`, `input_shape` (see `Layer`).

    Weights:
        depthwise_kernel (kernel_size, C, M), pointwise_kernel (1, C * M, filters),
        bias (filters,).

    Input shape:
        (N, L, C)

    Output shape:
        (N, Q, filters), Q by `cnnfast.ops.geometry.output_length`.

    Raises:
        ValueError: an argument is out of range, or no window fits.
    """

    rank = 1
    input_rank = 3
    paddings = ("valid", "same", "causal")


@shown_defaults(strides=(1, 1), dilation_rate=(1, 1))
class SeparableConv2D(BaseSeparableConvolution):
    """Convolve each channel of images by itself, then mix the channels of each pixel.

    As `SeparableConv1D`, with two sizes where that has one, or one for both: `kernel_size`,
    `strides` and `dilation_rate` are (rows, columns). There is no "causal" padding.

    Weights:
        depthwise_kernel (rows, columns, C, M), pointwise_kernel (1, 1, C * M, filters),
        bias (filters,).

    Input shape:
        (N, H, W, C), or (N, C, H, W) with `data_format="channels_first"`.

    Output shape:
        (N, P, Q, filters), or (N, filters, P, Q).
    """

    rank = 2
    input_rank = 4


SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D
