"""Batch normalization."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cnnfast import constraints, initializers, regularizers
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.graph import Graph, Value
from cnnfast.engine.structure import Shape
from cnnfast.engine.variable import Variable
from cnnfast.layers import checks, lowering
from cnnfast.ops.batch_normalization import BatchMoment, BatchNormalize, BatchSums
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.masks import MaskedBatchMoment, MaskedBatchNormalize, MaskedBatchSums
from cnnfast.ops.renorm import Renormalize, RenormCorrection

CLIPPINGS = ("rmax", "rmin", "dmax")


class BatchNormalization(Layer):
    """Shift and scale each channel by its mean and variance over the training data.

    outputs = gamma * (inputs - moving_mean) / sqrt(moving_variance + epsilon) + beta

    Args:
        axis: the axis of the channels.
        momentum: share of the old moving mean and variance that a training step keeps.
        epsilon: added to the variance.
        center: whether there is a beta.
        scale: whether there is a gamma.
        beta_initializer: first values of beta.
        gamma_initializer: first values of gamma.
        moving_mean_initializer: first values of the moving mean.
        moving_variance_initializer: first values of the moving variance.
        beta_regularizer: penalty on beta.
        gamma_regularizer: penalty on gamma.
        beta_constraint: projection of beta after each update.
        gamma_constraint: projection of gamma after each update.
        renorm: whether training corrects its batch statistics towards the moving ones; predictions
            are the same, but three more moving weights are kept.
        renorm_clipping: bounds "rmax", "rmin" and "dmax" of that correction.
        renorm_momentum: as `momentum`, for those weights.
        synchronized: kept for files; there is one replica here.
        **kwargs: see `Layer`.

    Weights:
        gamma, beta, moving_mean, moving_variance, each (C,); with `renorm` also moving_stddev,
        renorm_mean, renorm_stddev.

    Output shape:
        That of the input.

    Raises:
        ValueError: an argument is out of range, or `axis` is no axis of the input with a fixed
            size.

    Source: Ioffe and Szegedy (2015), arXiv:1502.03167; Ioffe (2017), arXiv:1702.03275.
    """

    supports_masking = True

    gamma: Variable | None = None
    beta: Variable | None = None
    moving_mean: Variable
    moving_variance: Variable
    moving_stddev: Variable
    renorm_mean: Variable
    renorm_stddev: Variable

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: Any = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.axis = self._checked_axis(axis)
        self.momentum = checks.number(self, "momentum", momentum)
        self.epsilon = checks.number(self, "epsilon", epsilon, least=0)
        self.center, self.scale = center, scale
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)
        self.renorm = renorm
        self.renorm_clipping = self._checked_clipping(renorm_clipping)
        self.renorm_momentum = checks.number(self, "renorm_momentum", renorm_momentum)
        self.synchronized = synchronized

    def _checked_axis(self, value: Any) -> int:
        axes = checks.axes(self, "axis", value)
        if len(axes) != 1:
            raise checks.refused(self, "`axis` must be a single axis", "axis", value)
        return axes[0]

    def _checked_clipping(self, value: Any) -> dict[str, float] | None:
        if not self.renorm:
            return None
        bounds = value or {}
        if not isinstance(bounds, dict) or not set(bounds) <= set(CLIPPINGS):
            expectation = f"`renorm_clipping` must be a dict with keys among {CLIPPINGS}"
            raise checks.refused(self, expectation, "renorm_clipping", value)
        found = {
            name: checks.number(self, name, bound, least=0 if name == "dmax" else None)
            for name, bound in bounds.items()
        }
        if found.get("rmax", math.inf) < found.get("rmin", -math.inf):
            expectation = "`renorm_clipping` must have an `rmax` that is no less than `rmin`"
            raise checks.refused(self, expectation, "renorm_clipping", value)
        return found

    def build(self, input_shape: Shape) -> None:
        axis = checks.axis_in(self, self.axis, input_shape)
        size = checks.known_size(self, input_shape, axis)
        if self.scale:
            self.gamma = self.add_weight(
                (size,),
                self.gamma_initializer,
                "gamma",
                regularizer=self.gamma_regularizer,
                constraint=self.gamma_constraint,
            )
        if self.center:
            self.beta = self.add_weight(
                (size,),
                self.beta_initializer,
                "beta",
                regularizer=self.beta_regularizer,
                constraint=self.beta_constraint,
            )
        self.moving_mean = self._add_moving("moving_mean", size, self.moving_mean_initializer)
        self.moving_variance = self._add_moving(
            "moving_variance", size, self.moving_variance_initializer
        )
        if self.renorm:
            self.moving_stddev = self._add_moving("moving_stddev", size, "ones")
            self.renorm_mean = self._add_moving("renorm_mean", size, "zeros")
            self.renorm_stddev = self._add_moving("renorm_stddev", size, "ones")
            self.renorm_mean.assign(self.moving_mean)
            for variable in (self.moving_stddev, self.renorm_stddev):
                variable.assign(np.sqrt(self.moving_variance.value))
        self.input_axes = {axis: size}

    @property
    def moving_averages(self) -> list[Variable]:
        """The weights that follow the batches of a training."""
        own = [self.moving_mean, self.moving_variance]
        if self.renorm:
            own += [self.moving_stddev, self.renorm_mean, self.renorm_stddev]
        return own

    def _add_moving(self, name: str, size: int, initializer: Any) -> Variable:
        return self.add_weight((size,), initializer, name, trainable=False)

    def lower(self, graph: Graph, *values: Value) -> Value:
        (value,) = values
        axis = checks.axis_in(self, self.axis, (None, *value.shape)) - 1
        if not self.trainable or not (graph.training or graph.learns):
            return lowering.scale_shift(graph, value, *self._scale_and_shift(), (axis,))
        rank = len(value.shape)
        to_end = (*(other for other in range(rank) if other != axis), axis)
        moved = lowering.permute(graph, value, to_end)
        mask = graph.masks.get(value) if graph.training else None
        if mask is not None:
            result = self._lower_masked(graph, moved, mask.value(), is_last=axis == rank - 1)
        else:
            lower = self._lower_training if graph.training else self._lower_fixed
            result = lower(graph, moved)
        return lowering.permute(graph, result, tuple(to_end.index(place) for place in range(rank)))

    def _lower_fixed(self, graph: Graph, value: Value) -> Value:
        """Normalize by the moving averages, while gamma and beta train."""
        graph.folded += [self.moving_mean, self.moving_variance]
        inverse = self._inverse_deviation()
        shift = -inverse * self.moving_mean.value
        normalized = lowering.scale_shift(graph, value, inverse, shift)
        if self.gamma is None and self.beta is None:
            return normalized
        gamma = np.ones(len(inverse), np.float32) if self.gamma is None else self.gamma.value
        beta = None if self.beta is None else self.beta.value
        rows = graph.reshape(normalized, (1, value.size // len(gamma), len(gamma)))
        result = graph.add(Depthwise(gamma.reshape(1, 1, -1, 1), beta), rows)
        return graph.reshape(result, value.shape)

    def _lower_training(self, graph: Graph, moved: Value) -> Value:
        graph.moved += self.moving_averages
        sums = graph.add(BatchSums(), moved)
        # With renorm the moving variance follows from a moving deviation.
        kept = 1.0 if self.renorm else self.momentum
        mean = graph.add(BatchMoment("mean", self.moving_mean.value, self.momentum), sums)
        variance = graph.add(BatchMoment("variance", self.moving_variance.value, kept), sums)
        gamma, beta = (v if v is None else v.value for v in (self.gamma, self.beta))
        if not self.renorm:
            return graph.add(BatchNormalize(gamma, beta, self.epsilon), moved, mean, variance)
        correction = self._correction(gamma, beta)
        corrections = graph.add(correction, mean, variance)
        op = Renormalize(
            correction.scale, correction.shift, self.epsilon, own_gamma=gamma, own_beta=beta
        )
        return graph.add(op, moved, mean, variance, corrections)

    def _correction(self, gamma: Any, beta: Any) -> RenormCorrection:
        bounds = self.renorm_clipping or {}
        return RenormCorrection(
            gamma, beta, self.renorm_mean.value, self.renorm_stddev.value,
            self.moving_stddev.value, self.moving_variance.value, self.epsilon,
            (bounds.get("rmin", -math.inf), bounds.get("rmax", math.inf),
             bounds.get("dmax", math.inf)),
            self.momentum, self.renorm_momentum,
            *np.zeros((2, len(self.moving_mean)), np.float32),
        )  # fmt: skip

    def _lower_masked(self, graph: Graph, value: Value, mask: Value, is_last: bool) -> Value:
        """Normalize by the statistics of what is no padding."""
        if not is_last or self.renorm:
            raise NotImplementedError(
                f"{checks.title(self)}: training with a mask needs the channels on the last axis, "
                f"and no `renorm`. Received: axis={self.axis}, renorm={self.renorm}"
            )
        graph.moved += [self.moving_mean, self.moving_variance]
        sums = graph.add(MaskedBatchSums(), value, mask)
        mean, variance = (
            graph.add(MaskedBatchMoment(kind, variable.value, self.momentum), sums)
            for kind, variable in (("mean", self.moving_mean), ("variance", self.moving_variance))
        )
        gamma, beta = (v if v is None else v.value for v in (self.gamma, self.beta))
        normalize = MaskedBatchNormalize(gamma, beta, self.epsilon)
        return graph.add(normalize, value, mean, variance, mask, sums)

    def _inverse_deviation(self) -> NDArray[np.float64]:
        variance: NDArray[np.float64] = self.moving_variance.value.astype(np.float64)
        return 1 / np.sqrt(variance + self.epsilon)

    def _scale_and_shift(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Fold the four vectors into two, in float64: the result is rounded once."""
        scale = self._inverse_deviation()
        if self.gamma is not None:
            scale = scale * self.gamma.value
        shift = -scale * self.moving_mean.value
        if self.beta is not None:
            shift = shift + self.beta.value
        return scale, shift

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "axis": self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            "beta_initializer": initializers.serialize(self.beta_initializer),
            "gamma_initializer": initializers.serialize(self.gamma_initializer),
            "moving_mean_initializer": initializers.serialize(self.moving_mean_initializer),
            "moving_variance_initializer": initializers.serialize(self.moving_variance_initializer),
            "beta_regularizer": regularizers.serialize(self.beta_regularizer),
            "gamma_regularizer": regularizers.serialize(self.gamma_regularizer),
            "beta_constraint": constraints.serialize(self.beta_constraint),
            "gamma_constraint": constraints.serialize(self.gamma_constraint),
            "synchronized": self.synchronized,
            **self._renorm_config(),
        }

    def _renorm_config(self) -> dict[str, Any]:
        """Give what most Keras 3 have no argument for, so only when it is used."""
        if not self.renorm:
            return {}
        return {
            "renorm": True,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
        }
