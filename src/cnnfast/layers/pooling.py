"""Pooling: windows, or whole images, reduced to their maximum or mean, channel by channel."""

from __future__ import annotations

from typing import Any, ClassVar

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.layers import checks, lowering
from cnnfast.layers.windows import Window, join_shape, shown_defaults, split_shape, window_shape
from cnnfast.ops.masks import MaskedMean
from cnnfast.ops.pooling import GlobalPooling, Kind, Pooling


class BasePooling(Layer):
    """A reduction of windows over `rank` axes."""

    rank: ClassVar[int]
    kind: ClassVar[Kind]

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        self.pool_size = checks.integers(self, "pool_size", pool_size, self.rank)
        strides = self.pool_size if strides is None else strides
        self.strides = checks.integers(self, "strides", strides, self.rank)
        self.padding = checks.padding(self, padding, ("valid", "same"))
        self.data_format = checks.data_format(self, data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return window_shape(self, input_shape, self._window, self.data_format)

    @property
    def _window(self) -> Window:
        return Window(self.pool_size, self.strides, (1,) * self.rank, self.padding)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        lengths, _ = split_shape(value.shape, self.data_format)
        op = Pooling(
            self.kind,
            pool=lowering.pair(self.pool_size),
            strides=lowering.pair(self.strides),
            padding=self._window.amounts(lengths),
        )
        return lowering.add_to_image(graph, op, value, self.data_format)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "pool_size": self.pool_size,
            "padding": self.padding,
            "strides": self.strides,
            "data_format": self.data_format,
        }


class MaxPooling1D(BasePooling):
    """Keep the largest value of each window of a sequence, channel by channel.

    Args:
        pool_size: length of the window.
        strides: steps from one window to the next; None for windows side by side.
        padding: "valid" (a tail that fills no window is dropped) or "same" (ceil(L / stride)
            windows; what lies outside never counts).
        data_format: "channels_last", or "channels_first" for inputs of shape (N, C, L).
        name: see `Layer`, also for further keywords.

    Input shape:
        (N, L, C)

    Output shape:
        (N, Q, C), Q by `cnnfast.ops.geometry.output_length`.

    Raises:
        ValueError: an argument is out of range, or no window fits.
    """

    rank, input_rank, kind = 1, 3, "max"


@shown_defaults(pool_size=(2, 2))
class MaxPooling2D(BasePooling):
    """Keep the largest value of each window of an image, channel by channel.

    As `MaxPooling1D`; `pool_size` and `strides` are (rows, columns) or one number for both.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with `data_format="channels_first"`.
    """

    rank, input_rank, kind = 2, 4, "max"


class AveragePooling1D(BasePooling):
    """Take the mean of each window of a sequence, channel by channel.

    As `MaxPooling1D`. With "same" padding a window that reaches outside is divided by the number
    of its elements inside.
    """

    rank, input_rank, kind = 1, 3, "average"


@shown_defaults(pool_size=(2, 2))
class AveragePooling2D(BasePooling):
    """Take the mean of each window of an image, channel by channel.

    As `MaxPooling2D`, with the means of `AveragePooling1D`.
    """

    rank, input_rank, kind = 2, 4, "average"


class BaseGlobalPooling(Layer):
    """A reduction of `rank` whole axes."""

    rank: ClassVar[int]
    kind: ClassVar[Kind]

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = checks.data_format(self, data_format)
        self.keepdims = keepdims

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        _, channels = split_shape(input_shape[1:], self.data_format)
        lengths = (1,) * self.rank if self.keepdims else ()
        return input_shape[0], *join_shape(lengths, channels, self.data_format)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        shape = self.compute_output_shape((None, *value.shape))
        if self.data_format == "channels_first":
            value = lowering.channels_to_end(graph, value)
        value = graph.add(GlobalPooling(self.kind), lowering.as_image(graph, value))
        return graph.reshape(value, lowering.sample_shape(shape))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "data_format": self.data_format,
            "keepdims": self.keepdims,
        }


class GlobalMaxPooling1D(BaseGlobalPooling):
    """Keep the largest value of each channel of a sequence.

    Args:
        data_format: "channels_last", or "channels_first" for inputs of shape (N, C, L).
        keepdims: whether the axis stays, with length 1.
        **kwargs: see `Layer`.

    Input shape:
        (N, L, C)

    Output shape:
        (N, C), or (N, 1, C) with `keepdims`.
    """

    rank, input_rank, kind = 1, 3, "max"


class GlobalMaxPooling2D(BaseGlobalPooling):
    """Keep the largest value of each channel of an image.

    As `GlobalMaxPooling1D`, over two axes.

    Input shape:
        (N, H, W, C), or (N, C, H, W) with `data_format="channels_first"`.
    """

    rank, input_rank, kind = 2, 4, "max"


class GlobalAveragePooling1D(BaseGlobalPooling):
    """Take the mean of each channel of a sequence, of the steps that a mask lets count.

    y[c] = sum over l of m[l] x[l, c] / sum over l of m[l]

    As `GlobalMaxPooling1D`. A sequence of nothing but padding has the mean NaN.

    Raises:
        NotImplementedError: there is a mask, and channels come first.
    """

    rank, input_rank, kind = 1, 3, "average"

    def lower(self, graph: Graph, *values: Value) -> Value:
        mask = graph.masks.get(values[0])
        if mask is None:
            return super().lower(graph, *values)
        if self.data_format == "channels_first":
            raise NotImplementedError(
                f"{checks.title(self)}: the mean without padding needs the channels on the last "
                'axis. Received: data_format="channels_first".'
            )
        mean = graph.add(MaskedMean(), values[0], mask.value())
        return graph.reshape(mean, (1, *mean.shape)) if self.keepdims else mean


class GlobalAveragePooling2D(BaseGlobalPooling):
    """Take the mean of each channel of an image.

    As `GlobalMaxPooling2D`.
    """

    rank, input_rank, kind = 2, 4, "average"


MaxPool1D = MaxPooling1D
MaxPool2D = MaxPooling2D
AvgPool1D = AveragePooling1D
AvgPool2D = AveragePooling2D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
