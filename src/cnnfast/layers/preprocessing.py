"""Inputs brought to the range that a network was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast import config
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.engine.variable import Variable
from cnnfast.layers import checks, lowering

# The least standard deviation that is divided by: Keras's `epsilon()`.
LEAST_DEVIATION = 1e-7


class Rescaling(Layer):
    """Multiply by a number and add one: outputs = inputs * scale + offset.

    Args:
        scale: the factor, or one for each channel.
        offset: the summand, or one for each channel.
        **kwargs: see `Layer`.

    Output shape:
        That of the input.

    Raises:
        ValueError: `scale` or `offset` is neither a number nor a list of numbers, or the list has
            another length than the channels.
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = self._checked("scale", scale)
        self.offset = self._checked("offset", offset)

    def _checked(self, name: str, value: Any) -> float | list[float]:
        numbers = checks.numbers(self, name, value)
        if numbers.ndim > 1:
            expectation = f"`{name}` must be a number or a list of one for each channel"
            raise checks.refused(self, expectation, name, value)
        listed: float | list[float] = numbers.tolist()
        return listed

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        axis = self._channels(len(input_shape))
        for name in ("scale", "offset"):
            count = np.size(getattr(self, name))
            if count > 1 and input_shape[axis] not in (count, None):
                expectation = f"`{name}` must have a number for each channel of {input_shape}"
                raise checks.refused(self, expectation, name, getattr(self, name))
        return input_shape

    def _channels(self, rank: int) -> int:
        """Return the axis that lists of numbers run along."""
        return 1 if config.image_data_format() == "channels_first" and rank == 4 else rank - 1

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        self.compute_output_shape((None, *value.shape))
        axis = self._channels(len(value.shape) + 1) - 1
        return lowering.scale_shift(graph, value, self.scale, self.offset, (axis,))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "scale": self.scale, "offset": self.offset}


class Normalization(Layer):
    """Shift and scale by mean and variance of a data set.

    outputs = (inputs - mean) / max(sqrt(variance), 1e-7)

    Args:
        axis: axis or axes with statistics of their own for each place; None for one mean and one
            variance of all.
        mean: known means, which broadcast to the sizes of `axis`; None to learn them in `adapt`.
        variance: known variances, likewise.
        invert: whether to undo a normalization: outputs = mean + inputs * deviation.
        **kwargs: see `Layer`.

    Weights:
        mean, variance, both of the sizes of `axis`, and count (), which Keras keeps for old files;
        none where they were given.

    Output shape:
        That of the input.

    Raises:
        ValueError: only one of `mean` and `variance` is given, or their shapes differ or do not
            fit; or an axis is the batch axis, not there or of unknown size.
    """

    supports_masking = True

    adapt_mean: Variable | None = None
    adapt_variance: Variable | None = None

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = () if axis is None else checks.axes(self, "axis", axis)
        self.input_mean = self._statistic("mean", mean)
        self.input_variance = self._statistic("variance", variance)
        self.invert = invert
        shapes = {None if given is None else np.shape(given) for given in (mean, variance)}
        if len(shapes) > 1:
            expectation = "`mean` and `variance` must both be given, in one shape, or neither"
            raise checks.refused(self, expectation, "mean, variance", (mean, variance))

    def _statistic(self, name: str, value: Any) -> NDArray[np.float64] | None:
        return None if value is None else checks.numbers(self, name, value)

    def build(self, input_shape: Shape) -> None:
        kept = self._kept_axes(input_shape)
        sizes = tuple(checks.known_size(self, input_shape, axis) for axis in kept)
        self.input_axes = dict(zip(kept, sizes, strict=True))
        if self.input_mean is None:
            self.adapt_mean = self.add_weight(sizes, "zeros", "mean", trainable=False)
            self.adapt_variance = self.add_weight(sizes, "ones", "variance", trainable=False)
            self.add_weight((), "zeros", "count", trainable=False, dtype="int32")
        else:
            self._check_statistics(sizes)

    def _kept_axes(self, shape: Shape) -> tuple[int, ...]:
        return tuple(sorted(checks.axis_in(self, axis, shape) for axis in self.axis))

    def _check_statistics(self, sizes: tuple[int, ...]) -> None:
        try:
            np.broadcast_to(np.asarray(self.input_mean), sizes)
        except ValueError:
            expectation = f"`mean` and `variance` must broadcast to the sizes {sizes} of `axis`"
            raise checks.refused(self, expectation, "mean", self.input_mean) from None

    def adapt(self, data: NDArray[Any] | Iterable[Any]) -> None:
        """Learn mean and variance from a data set.

        Args:
            data: an array, samples first, or batches of such.

        Raises:
            ValueError: the layer was given its statistics, or there are no samples.
        """
        if self.input_mean is not None:
            raise ValueError(f"{checks.title(self)} was given its `mean` and `variance`.")
        batches = [data] if isinstance(data, np.ndarray) else data
        arrays = [np.asarray(batch, np.float64) for batch in batches]
        if not sum(array.size for array in arrays):
            raise ValueError(f"{checks.title(self)} cannot adapt to no samples.")
        values = np.concatenate(arrays)
        self.build((None, *values.shape[1:]))
        assert self.adapt_mean is not None
        assert self.adapt_variance is not None
        kept = self._kept_axes(values.shape)
        reduced = tuple(axis for axis in range(values.ndim) if axis not in kept)
        self.adapt_mean.assign(values.mean(axis=reduced))
        self.adapt_variance.assign(values.var(axis=reduced))

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        axes = tuple(axis - 1 for axis in self._kept_axes((None, *value.shape)))
        mean, deviation = self._statistics()
        scale, shift = (deviation, mean) if self.invert else (1 / deviation, -mean / deviation)
        return lowering.scale_shift(graph, value, scale, shift, axes or (-1,))

    def _statistics(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Give mean and deviation, in float64."""
        mean: Any = self.input_mean if self.adapt_mean is None else self.adapt_mean.value
        variance: Any = self.input_variance
        if self.adapt_variance is not None:
            variance = self.adapt_variance.value
        deviation = np.sqrt(np.asarray(variance, np.float64))
        return np.asarray(mean, np.float64), np.maximum(deviation, LEAST_DEVIATION)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": list(self.axis),
            "invert": self.invert,
            "mean": _listed(self.input_mean),
            "variance": _listed(self.input_variance),
        }


def _listed(numbers: NDArray[np.float64] | None) -> Any:
    return None if numbers is None else numbers.tolist()
