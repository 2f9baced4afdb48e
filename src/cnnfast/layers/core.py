"""The layers that every network has: Dense, activations, dropout, and changes of shape."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.layers import checks, lowering
from cnnfast.layers.kernel import KernelLayer
from cnnfast.ops.dense import Dense as DenseOp
from cnnfast.ops.geometry import is_integer


class Dense(KernelLayer):
    """Multiply by a matrix: outputs = activation(inputs @ kernel + bias).

    Args:
        units: size of the last axis of the outputs.
        activation: name, function of `cnnfast.activations` or layer; None for linear.
        use_bias: whether a bias is added.
        kernel_initializer: first values of the kernel.
        bias_initializer: first values of the bias.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        **kwargs: `name`, `trainable`, `dtype`, `input_shape`, `input_dim` (see `Layer`).

    Weights:
        kernel (C, units), bias (units,).

    Input shape:
        (N, ..., C)

    Output shape:
        (N, ..., units)

    Raises:
        ValueError: `units` is not a positive integer, or the input has no last axis of fixed size.
    """

    supports_masking = True

    def __init__(
        self,
        units: int,
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
        self.units = checks.integer(self, "units", units)

    def build(self, input_shape: Shape) -> None:
        if len(input_shape) < 2:
            expectation = "the input must have at least 2 axes, the batch axis included"
            raise checks.refused(self, expectation, "input_shape", input_shape)
        columns = checks.known_size(self, input_shape, -1)
        self.add_kernel((columns, self.units))
        self.build_activation((*input_shape[:-1], self.units))
        self.input_axes = {-1: columns}

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return self.activated_shape((*input_shape[:-1], self.units))

    def lower(self, graph: Graph, *values: Value) -> Value:
        bias = None if self.bias is None else self.bias.value
        fused = lowering.fused_activation(self.activation)
        value = graph.add(DenseOp(self.kernel.value, bias, fused), *values)
        return lowering.add_unfused_activation(graph, self.activation, value)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return super().from_config(checks.without_quantization(config))


class Activation(Layer):
    """Apply an activation function to every element, or along the last axis.

    Args:
        activation: name, function of `cnnfast.activations` or layer; None for linear.
        **kwargs: see `Layer`.

    Output shape:
        That of the input; "glu" halves the last axis.
    """

    supports_masking = True

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = checks.activation(self, activation)

    def build(self, input_shape: Shape) -> None:
        if isinstance(self.activation, Layer):
            self.activation.build(input_shape)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return lowering.activated_shape(self.activation, input_shape)

    def lower(self, graph: Graph, *values: Value) -> Value:
        return lowering.add_activation(graph, self.activation, *values)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "activation": checks.serialize_activation(self.activation),
        }


class Identity(Layer):
    """Return the inputs as they are."""

    supports_masking = True

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        return value


class Dropout(Identity):
    """Set a random share of the inputs to zero during training, and scale up the others.

    Kept values are multiplied by 1 / (1 - rate). Predictions pass unchanged.

    Args:
        rate: the share, between 0 and 1.
        noise_shape: shape of the random mask, None for sizes of the input; axes of size 1 share
            their draw.
        seed: makes the draws repeatable.
        **kwargs: see `Layer`.

    Source: Srivastava et al. (2014), JMLR 15:1929.
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.rate = checks.fraction(self, "rate", rate)
        self.noise_shape = self._checked_noise_shape(noise_shape)
        self.seed = checks.optional_integer(self, "seed", seed)

    def _checked_noise_shape(self, value: Any) -> Shape | None:
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not all(
            size is None or (is_integer(size) and size > 0) for size in value
        ):
            expectation = "`noise_shape` must be a tuple of positive integers or None"
            raise checks.refused(self, expectation, "noise_shape", value)
        return tuple(value)

    def lower(self, graph: Graph, *values: Value) -> Value:
        if not graph.training or not self.rate:
            return values[0]
        return lowering.drop(graph, self, values[0], self.noise_shape)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "rate": self.rate,
            "seed": self.seed,
            "noise_shape": self.noise_shape,
        }


class SpatialDropout1D(Identity):
    """Set whole channels of sequences to zero during training (see `Dropout`).

    Args:
        rate: the share of channels, between 0 and 1.
        seed: makes the draws repeatable.
        **kwargs: see `Layer`.

    Input shape:
        (N, L, C)

    Source: Tompson et al. (2015), arXiv:1411.4280.
    """

    input_rank = 3

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = checks.fraction(self, "rate", rate)
        self.seed = checks.optional_integer(self, "seed", seed)

    @property
    def _channel_axis(self) -> int:
        return -1

    def lower(self, graph: Graph, *values: Value) -> Value:
        if not graph.training or not self.rate:
            return values[0]
        noise: list[int | None] = [1] * (len(values[0].shape) + 1)
        noise[0] = noise[self._channel_axis] = None
        return lowering.drop(graph, self, values[0], tuple(noise))

    def get_config(self) -> dict[str, Any]:
        config = {**super().get_config(), "rate": self.rate, "seed": self.seed}
        # Keras's spatial dropouts take no such argument.
        del config["trainable"]
        return config


class SpatialDropout2D(SpatialDropout1D):
    """Set whole channels of images to zero during training.

    As `SpatialDropout1D`, for (N, H, W, C), or (N, C, H, W) with `data_format="channels_first"`.
    """

    input_rank = 4

    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed, **kwargs)
        self.data_format = checks.data_format(self, data_format)

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Flatten(Layer):
    """Lay all axes of a sample end to end.

    Args:
        data_format: "channels_last", or "channels_first" for inputs of shape (N, C, ...), whose
            channels then vary fastest in the output all the same.
        **kwargs: see `Layer`.

    Output shape:
        (N, product of the sizes); (N, 1) for an input of shape (N,).
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = checks.data_format(self, data_format)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], product(input_shape[1:])

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        if self.data_format == "channels_first" and len(value.shape) > 1:
            value = lowering.channels_to_end(graph, value)
        return graph.reshape(value, (math.prod(value.shape),))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "data_format": self.data_format}


class Reshape(Layer):
    """Read a sample's elements, in their order, as an array of another shape.

    Args:
        target_shape: sizes without the batch axis; one of them may be -1, for what is left.
        **kwargs: see `Layer`.

    Output shape:
        (N, *target_shape)

    Raises:
        ValueError: a size is neither -1 nor a non-negative integer, or the sizes do not multiply
            to the input's.
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target_shape = self._checked_target(target_shape)

    def _checked_target(self, value: Any) -> tuple[int, ...]:
        sizes = tuple(value) if isinstance(value, list | tuple) else ()
        if (
            not isinstance(value, list | tuple)
            or not all(is_integer(size) and size >= -1 for size in sizes)
            or sizes.count(-1) > 1
        ):
            expectation = "`target_shape` must hold non-negative integers and at most one -1"
            raise checks.refused(self, expectation, "target_shape", value)
        return tuple(int(size) for size in sizes)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        size, sample = product(input_shape[1:]), self.target_shape
        known = math.prod(length for length in sample if length != -1)
        if size is None:
            return input_shape[0], *(None if length == -1 else length for length in sample)
        left, remainder = divmod(size, known) if known else (0, size)
        if remainder or (-1 not in sample and left != 1 and known):
            expectation = f"`target_shape` must hold as many elements as the input {input_shape}"
            raise checks.refused(self, expectation, "target_shape", sample)
        return input_shape[0], *(left if length == -1 else length for length in sample)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        shape = self.compute_output_shape((None, *value.shape))
        return graph.reshape(value, lowering.sample_shape(shape))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "target_shape": self.target_shape}


class Permute(Layer):
    """Reorder the axes of a sample.

    Args:
        dims: for each axis of the output the axis of the input, counted from 1.
        **kwargs: see `Layer`.

    Output shape:
        (N, *(input axes in the order of dims))

    Raises:
        ValueError: `dims` is not an order of 1, 2, ...
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = checks.axes(self, "dims", dims)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            expectation = f"`dims` must hold each of 1 to {len(self.dims)} once"
            raise checks.refused(self, expectation, "dims", dims)
        self.input_rank = len(self.dims) + 1  # type: ignore[misc]

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], *(input_shape[axis] for axis in self.dims)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        return lowering.permute(graph, value, tuple(axis - 1 for axis in self.dims))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dims": self.dims}


class RepeatVector(Layer):
    """Repeat a vector along a new axis.

    Args:
        n: how often.
        **kwargs: see `Layer`.

    Input shape:
        (N, C)

    Output shape:
        (N, n, C)
    """

    input_rank: ClassVar[int] = 2

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = checks.integer(self, "n", n)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return input_shape[0], self.n, input_shape[1]

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        return lowering.repeat(graph, graph.reshape(value, (1, *value.shape)), 0, self.n)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "n": self.n}


def product(sizes: Shape) -> int | None:
    """Multiply sizes; None if one of them is."""
    return None if None in sizes else math.prod(size for size in sizes if size is not None)
