"""Convolutions, and the zero padding in front of them."""

from __future__ import annotations

from typing import Any, ClassVar

from cnnfast import regularizers
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.layers import checks, lowering
from cnnfast.layers.kernel import KernelLayer
from cnnfast.layers.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    MaxPooling1D,
    MaxPooling2D,
)
from cnnfast.layers.windows import (
    Sides,
    Window,
    join_shape,
    shown_defaults,
    split_shape,
    window_shape,
)
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.geometry import is_integer
from cnnfast.ops.layout import Pad

# Programs written for Keras 1 and 2 import pooling from here too.
__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "BaseConvolution",
    "BaseZeroPadding",
    "Conv1D",
    "Conv2D",
    "Convolution1D",
    "Convolution2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
]


class BaseConvolution(KernelLayer):
    """A convolution over `rank` axes."""

    rank: ClassVar[int]
    paddings: ClassVar[tuple[str, ...]] = ("valid", "same")

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            activation=activation,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            kernel_regularizer=kernel_regularizer,
            bias_regularizer=bias_regularizer,
            activity_regularizer=activity_regularizer,
            kernel_constraint=kernel_constraint,
            bias_constraint=bias_constraint,
            **kwargs,
        )
        self.filters = checks.integer(self, "filters", filters)
        self.kernel_size = checks.integers(self, "kernel_size", kernel_size, self.rank)
        self.strides = checks.integers(self, "strides", strides, self.rank)
        self.padding = checks.padding(self, padding, self.paddings)
        self.data_format = checks.data_format(self, data_format)
        self.dilation_rate = checks.integers(self, "dilation_rate", dilation_rate, self.rank)
        self.groups = checks.integer(self, "groups", groups)
        self._check_combinations()

    def _check_combinations(self) -> None:
        if self.filters % self.groups:
            expectation = f"`filters` must be a multiple of `groups`, {self.groups}"
            raise checks.refused(self, expectation, "filters", self.filters)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            expectation = f"`dilation_rate` must be 1 with strides {self.strides}"
            raise checks.refused(self, expectation, "dilation_rate", self.dilation_rate)

    def build(self, input_shape: Shape) -> None:
        axis = 1 if self.data_format == "channels_first" else len(input_shape) - 1
        channels = checks.known_size(self, input_shape, axis)
        if channels % self.groups:
            expectation = f"the channels of the input {input_shape} must be a multiple of `groups`"
            raise checks.refused(self, expectation, "groups", self.groups)
        convolved = self._convolved_shape(input_shape)
        self.add_kernel((*self.kernel_size, channels // self.groups, self.filters))
        self.build_activation(convolved)
        self.input_axes = {axis: channels}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.activated_shape(self._convolved_shape(input_shape))

    def _convolved_shape(self, input_shape: Shape) -> Shape:
        return window_shape(self, input_shape, self._window, self.data_format, self.filters)

    @property
    def _window(self) -> Window:
        return Window(self.kernel_size, self.strides, self.dilation_rate, self.padding)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        lengths, _ = split_shape(value.shape, self.data_format)
        value = lowering.add_to_image(graph, self._operation(lengths), value, self.data_format)
        return lowering.add_unfused_activation(graph, self.activation, value)

    def _operation(self, lengths: Shape) -> Convolution:
        height = (1,) * (2 - self.rank)
        return Convolution(
            self.kernel.value.reshape(*height, *self.kernel.shape),
            None if self.bias is None else self.bias.value,
            strides=lowering.pair(self.strides),
            padding=self._window.amounts(lengths),
            dilation=lowering.pair(self.dilation_rate),
            groups=self.groups,
            activation=lowering.fused_activation(self.activation),
        )

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
            "dilation_rate": self.dilation_rate,
            "groups": self.groups,
            "activity_regularizer": regularizers.serialize(self.activity_regularizer),
        }


class Conv1D(BaseConvolution):
    """Cross-correlate sequences with a bank of filters.

    outputs[n, q, k] = activation(bias[k] +
        sum over s, c of inputs[n, q * stride + s * dilation, c] * kernel[s, c, k])

    Args:
        filters: number of filters, the channels of the outputs.
        kernel_size: taps of each filter.
        strides: steps from one output to the next. Not together with a dilation above 1.
        padding: "valid" (none), "same" (ceil(L / stride) outputs, the odd zero at the end) or
            "causal" (zeros in front, so that no output sees a later input).
        data_format: "channels_last", or "channels_first" for inputs of shape (N, C, L).
        dilation_rate: steps from one tap to the next.
        groups: parts that channels and filters are cut into; each part of the filters sees only
            its own part of the channels.
        activation: name, function of `cnnfast.activations` or layer; None for linear.
        use_bias: whether a bias is added.
        kernel_initializer: first values of the kernel.
        bias_initializer: first values of the bias.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        **kwargs: `name`, `trainable`, `dtype`, `input_shape` (see `Layer`).

    Weights:
        kernel (kernel_size, C / groups, filters), bias (filters,).

    Input shape:
        (N, L, C)

    Output shape:
        (N, Q, filters), Q by `cnnfast.ops.geometry.output_length`.

    Raises:
        ValueError: an argument is out of range, two exclude each other, or no window fits.
    """

    rank = 1
    input_rank = 3
    paddings = ("valid", "same", "causal")


@shown_defaults(strides=(1, 1), dilation_rate=(1, 1))
class Conv2D(BaseConvolution):
    """Cross-correlate images with a bank of filters.

    outputs[n, p, q, k] = activation(bias[k] + sum over r, s, c of
        inputs[n, p * sh + r * dh, q * sw + s * dw, c] * kernel[r, s, c, k])

    As `Conv1D`, with two sizes where that has one, or one for both: `kernel_size`, `strides` and
    `dilation_rate` are (rows, columns). There is no "causal" padding.

    Weights:
        kernel (rows, columns, C / groups, filters), bias (filters,).

    Input shape:
        (N, H, W, C), or (N, C, H, W) with `data_format="channels_first"`.

    Output shape:
        (N, P, Q, filters), or (N, filters, P, Q).
    """

    rank = 2
    input_rank = 4


class BaseZeroPadding(Layer):
    """A border of zeros around `rank` axes."""

    rank: ClassVar[int]

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sides = self._checked_sides(padding)
        self.data_format = checks.data_format(self, data_format)

    def _checked_sides(self, value: Any) -> tuple[Sides, ...]:
        axes = (value,) if self.rank == 1 else value
        if is_integer(value):
            axes = (value,) * self.rank
        if isinstance(axes, list | tuple) and len(axes) == self.rank:
            sides = [(axis, axis) if is_integer(axis) else axis for axis in axes]
            if all(map(_are_sides, sides)):
                return tuple((int(before), int(after)) for before, after in sides)
        forms = "an integer or (before, after)"
        if self.rank == 2:
            forms = "an integer, (rows, columns) or ((top, bottom), (left, right))"
        raise checks.refused(self, f"`padding` must be {forms}, none negative", "padding", value)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        lengths, channels = split_shape(input_shape[1:], self.data_format)
        padded = tuple(
            None if length is None else before + length + after
            for length, (before, after) in zip(lengths, self.sides, strict=True)
        )
        return input_shape[0], *join_shape(padded, channels, self.data_format)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        height, width = ((0, 0), *self.sides)[-2:]
        return lowering.add_to_image(graph, Pad((height, width)), value, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "padding": self.padding,
            "data_format": self.data_format,
        }

    @property
    def padding(self) -> Any:
        """The zeros before and after each axis; a single pair for sequences."""
        return self.sides[0] if self.rank == 1 else self.sides


class ZeroPadding1D(BaseZeroPadding):
    """Put zeros before and after sequences.

    Args:
        padding: how many on both sides, or (before, after).
        data_format: "channels_last", or "channels_first" for inputs of shape (N, C, L).
        **kwargs: see `Layer`.

    Input shape:
        (N, L, C)

    Output shape:
        (N, before + L + after, C)
    """

    rank = 1
    input_rank = 3


@shown_defaults(padding=(1, 1))
class ZeroPadding2D(BaseZeroPadding):
    """Put a border of zeros around images.

    As `ZeroPadding1D`; `padding` is one number for all sides, (rows, columns) or
    ((top, bottom), (left, right)).

    Input shape:
        (N, H, W, C), or (N, C, H, W) with `data_format="channels_first"`.
    """

    rank = 2
    input_rank = 4


def _are_sides(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and all(is_integer(side) and side >= 0 for side in value)
    )


Convolution1D = Conv1D
Convolution2D = Conv2D
