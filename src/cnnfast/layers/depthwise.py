"""Convolutions that look at one channel at a time."""

from __future__ import annotations

from typing import Any, ClassVar

from cnnfast import regularizers
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.engine.variable import Variable
from cnnfast.layers import checks, lowering
from cnnfast.layers.kernel import KernelLayer
from cnnfast.layers.windows import Window, shown_defaults, split_shape, window_shape
from cnnfast.ops.base import Floats, Op
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import LINEAR, Activation

# What Keras calls a depthwise kernel's settings, where a dense one's begin with "kernel".
SETTINGS = ("initializer", "regularizer", "constraint")


class BaseDepthwise(KernelLayer):
    """A kernel (sizes, channels, depth_multiplier) that slides over `rank` axes.

    Its settings are called `depthwise_*` in arguments and configs and `kernel_*` inside.
    """

    rank: ClassVar[int]
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    def __init__(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        depth_multiplier: int,
        data_format: str | None,
        dilation_rate: Any,
        depthwise_initializer: Any,
        depthwise_regularizer: Any,
        depthwise_constraint: Any,
        **kwargs: Any,
    ) -> None:
        misnamed = {f"kernel_{setting}" for setting in SETTINGS} & kwargs.keys()
        if misnamed:
            raise TypeError(
                f"Unrecognized keyword arguments passed to {type(self).__name__}: "
                f"{ {name: kwargs[name] for name in sorted(misnamed)} }"
            )
        super().__init__(
            kernel_initializer=depthwise_initializer,
            kernel_regularizer=depthwise_regularizer,
            kernel_constraint=depthwise_constraint,
            **kwargs,
        )
        self.kernel_size = checks.integers(self, "kernel_size", kernel_size, self.rank)
        self.strides = checks.integers(self, "strides", strides, self.rank)
        self.padding = checks.padding(self, padding, self.paddings)
        self.depth_multiplier = checks.integer(self, "depth_multiplier", depth_multiplier)
        self.data_format = checks.data_format(self, data_format)
        self.dilation_rate = checks.integers(self, "dilation_rate", dilation_rate, self.rank)

    def add_depthwise(self, input_shape: Shape, name: str) -> int:
        """Create the depthwise kernel.

        Args:
            input_shape: batch axis first; the channels must be known.
            name: of the variable.

        Returns:
            The channels that it makes.
        """
        axis = 1 if self.data_format == "channels_first" else len(input_shape) - 1
        channels = checks.known_size(self, input_shape, axis)
        self.kernel = self.add_weight(
            (*self.kernel_size, channels, self.depth_multiplier),
            self.kernel_initializer,
            name,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        self.input_axes = {axis: channels}
        return channels * self.depth_multiplier

    def add_bias(self, length: int) -> None:
        """Create the bias, if there is one."""
        if self.use_bias:
            self.bias = self.add_weight(
                (length,),
                self.bias_initializer,
                "bias",
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def convolved_shape(self, input_shape: Shape, filters: int | None) -> Shape:
        """Give the shape before the activation, for a number of channels."""
        window = Window(self.kernel_size, self.strides, self.dilation_rate, self.padding)
        return window_shape(self, input_shape, window, self.data_format, filters)

    def add_operations(self, graph: Graph, value: Value, *others: Op, **options: Any) -> Value:
        """Add the depthwise convolution, other operations on images and the activation.

        Args:
            graph: takes the operations.
            value: of one image or sequence.
            *others: what follows, applied channels last.
            **options: of the depthwise convolution.
        """
        is_first = self.data_format == "channels_first"
        lengths, _ = split_shape(value.shape, self.data_format)
        value = lowering.channels_to_end(graph, value) if is_first else value
        for op in (self._operation(lengths, **options), *others):
            value = lowering.add_to_image(graph, op, value, "channels_last")
        value = lowering.channels_to_front(graph, value) if is_first else value
        return lowering.add_unfused_activation(graph, self.activation, value)

    def _operation(
        self, lengths: Shape, bias: Floats | None = None, activation: Activation = LINEAR
    ) -> Depthwise:
        window = Window(self.kernel_size, self.strides, self.dilation_rate, self.padding)
        return Depthwise(
            as_image_kernel(self.kernel),
            bias,
            strides=lowering.pair(self.strides),
            padding=window.amounts(lengths),
            dilation=lowering.pair(self.dilation_rate),
            activation=activation,
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        for setting in SETTINGS:
            config[f"depthwise_{setting}"] = config.pop(f"kernel_{setting}")
        return {
            **config,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "depth_multiplier": self.depth_multiplier,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }


class BaseDepthwiseConvolution(BaseDepthwise):
    """A depthwise convolution over `rank` axes."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
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

    def build(self, input_shape: Shape) -> None:
        convolved = self._convolved(input_shape)
        self.add_bias(self.add_depthwise(input_shape, "kernel"))
        self.build_activation(convolved)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.activated_shape(self._convolved(input_shape))

    def _convolved(self, input_shape: Shape) -> Shape:
        _, channels = split_shape(input_shape[1:], self.data_format)
        made = None if channels is None else channels * self.depth_multiplier
        return self.convolved_shape(input_shape, made)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        return self.add_operations(
            graph,
            value,
            bias=None if self.bias is None else self.bias.value,
            activation=lowering.fused_activation(self.activation),
        )


class DepthwiseConv1D(BaseDepthwiseConvolution):
    """Cross-correlate each channel of sequences with filters of its own.

    outputs[n, q, c * M + m] = activation(bias[c * M + m] +
        sum over s of inputs[n, q * stride + s * dilation, c] * kernel[s, c, m])

    Args:
        kernel_size: taps of each filter.
        strides: steps from one output to the next.
        padding: "valid" (none) or "same" (ceil(L / stride) outputs, the odd zero at the end).
        depth_multiplier: M, how many filters each channel has.
        data_format: "channels_last", or "channels_first" for inputs of shape (N, C, L).
        dilation_rate: steps from one tap to the next.
        activation: name, function of `cnnfast.activations` or layer; None for linear.
        use_bias: whether a bias is added.
        depthwise_initializer: first values of the kernel.
        bias_initializer: first values of the bias.
        depthwise_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        depthwise_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        **kwargs: `name`, `trainable`, `dtype`, `input_shape` (see `Layer`).

    Weights:
        kernel (kernel_size, C, M), bias (C * M,).

    Input shape:
        (N, L, C)

    Output shape:
        (N, Q, C * M), Q by `cnnfast.ops.geometry.output_length`.

    Raises:
        ValueError: an argument is out of range, or no window fits.
    """

    rank = 1
    input_rank = 3


@shown_defaults(strides=(1, 1), dilation_rate=(1, 1))
class DepthwiseConv2D(BaseDepthwiseConvolution):
    """Cross-correlate each channel of images with filters of its own.

    outputs[n, p, q, c * M + m] = activation(bias[c * M + m] + sum over r, s of
        inputs[n, p * sh + r * dh, q * sw + s * dw, c] * kernel[r, s, c, m])

    As `DepthwiseConv1D`, with two sizes where that has one, or one for both: `kernel_size`,
    `strides` and `dilation_rate` are (rows, columns).

    Weights:
        kernel (rows, columns, C, M), bias (C * M,).

    Input shape:
        (N, H, W, C), or (N, C, H, W) with `data_format="channels_first"`.

    Output shape:
        (N, P, Q, C * M), or (N, C * M, P, Q).
    """

    rank = 2
    input_rank = 4


def as_image_kernel(kernel: Variable) -> Floats:
    """Give a kernel over sequences the height 1; leave one over images as it is."""
    height = (1,) * (4 - len(kernel.shape))
    return kernel.value.reshape(*height, *kernel.shape)
