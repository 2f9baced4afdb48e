"""Noise during training; predictions pass unchanged."""

from __future__ import annotations

import math
from typing import Any, Final

from cnnfast.engine.graph import Graph, Value
from cnnfast.layers import checks, lowering
from cnnfast.layers.core import Dropout, Identity
from cnnfast.ops.noise import AddNoise, Drop, ScaleNoise

# What SELU tends to far below zero: -alpha * scale.
SELU_LIMIT: Final = -1.6732632423543772 * 1.0507009873554805


class GaussianNoise(Identity):
    """Add normal noise of mean 0 during training.

    Args:
        stddev: standard deviation of the noise, between 0 and 1.
        seed: makes the draws repeatable.
        **kwargs: see `Layer`.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = checks.fraction(self, "stddev", stddev)
        self.seed = checks.optional_integer(self, "seed", seed)

    def lower(self, graph: Graph, *values: Value) -> Value:
        if not graph.training or not self.stddev:
            return values[0]
        draws, stream = graph.stream(self.seed)
        return graph.add(AddNoise(self.stddev, stream), graph.as_floats(values[0]), draws)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(Identity):
    """Multiply by normal noise of mean 1 and variance rate / (1 - rate) during training.

    Args:
        rate: as in `Dropout`, between 0 and 1.
        seed: makes the draws repeatable.
        **kwargs: see `Layer`.

    Source: Srivastava et al. (2014), JMLR 15:1929, section 10.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = checks.fraction(self, "rate", rate)
        self.seed = checks.optional_integer(self, "seed", seed)

    def lower(self, graph: Graph, *values: Value) -> Value:
        if not graph.training or not self.rate:
            return values[0]
        if self.rate == 1.0:
            raise ValueError(f"Layer '{self.name}' cannot be trained with `rate=1`.")
        draws, stream = graph.stream(self.seed)
        deviation = math.sqrt(self.rate / (1.0 - self.rate))
        return graph.add(ScaleNoise(deviation, stream), graph.as_floats(values[0]), draws)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(Dropout):
    """Drop inputs to the negative limit of SELU during training, keeping mean and variance.

    The arguments are those of `Dropout`.

    Source: Klambauer et al. (2017), arXiv:1706.02515.
    """

    def lower(self, graph: Graph, *values: Value) -> Value:
        if not graph.training or not self.rate:
            return values[0]
        value = values[0]
        if self.rate == 1.0:
            raise ValueError(f"Layer '{self.name}' cannot be trained with `rate=1`.")
        if lowering.drawn_axes(self, self.noise_shape, value) != tuple(range(len(value.shape))):
            raise NotImplementedError(
                f"Layer '{self.name}' cannot be trained with `noise_shape={self.noise_shape}`."
            )
        # The variance and mean of the mixture are brought back to 1 and 0.
        scale = ((1 - self.rate) * (1 + self.rate * SELU_LIMIT**2)) ** -0.5
        shift = -scale * SELU_LIMIT * self.rate
        draws, stream = graph.stream(self.seed, lowering.is_shared_by_images(self.noise_shape))
        drop = Drop(self.rate, scale, stream, shift, scale * SELU_LIMIT + shift)
        return graph.add(drop, graph.as_floats(value), draws)
