"""Loss objects: a formula, and how its values become one number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from cnnfast.losses.differences import differentiated
from cnnfast.losses.function import Array, LossFunction, Pair, floating, same_rank
from cnnfast.names import to_snake_case, unique_name
from cnnfast.ops.geometry import received
from cnnfast.serialization import Config, Configurable, encode_value, serialize_object

REDUCTIONS = ("sum_over_batch_size", "sum", None, "none", "mean", "mean_with_sample_weight")
MEANS = ("sum_over_batch_size", "mean", "mean_with_sample_weight")
# Keras 2's word for the usual one.
RENAMED = {"auto": "sum_over_batch_size"}

FLOAT32 = np.dtype(np.float32)


class Evaluation(NamedTuple):
    """What a loss says of a batch.

    Attributes:
        value: the loss, reduced; float32, an array without a reduction.
        values: for each place or sample, without weights.
        gradient: derivative of the loss by y_pred (of its sum, without a reduction); float32.
    """

    value: Any
    values: Array
    gradient: Array


class Loss(Configurable):
    """Base class of losses.

    A subclass of the user defines `call(y_true, y_pred)` with NumPy, and `slope(y_true, y_pred)`,
    the derivative of each value by the elements of y_pred it is made of, in the shape of y_pred.
    Without `slope` derivatives are central differences; see `differences`.

    Args:
        name: by default made from the class name.
        reduction: "sum_over_batch_size" (or "mean"): the mean of all values; "sum"; None;
            "mean_with_sample_weight": the sum over the sum of the weights.
        dtype: "float32".

    Raises:
        ValueError: there is no such reduction.
    """

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        owner = type(self).__name__
        self.name = name or unique_name(to_snake_case(owner))
        self.reduction = RENAMED.get(str(reduction), reduction)
        if self.reduction not in REDUCTIONS:
            expectation = f"`reduction` must be one of {REDUCTIONS}"
            raise received(owner, expectation, "reduction", reduction)
        self.dtype = "float32"

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the values: one for each sample, or each place."""
        raise NotImplementedError(f"{type(self).__name__} does not define `call`.")

    def with_slope(self, y_true: Array, y_pred: Array) -> Pair:
        """Return the values and their pullback; see `function`."""
        slope = getattr(self, "slope", None)
        if slope is None:
            return differentiated(self.call, y_true, y_pred)
        return _with_given_slope(self.call, slope, y_true, y_pred)

    def __call__(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> Any:
        """Return the loss.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: a factor for each sample or place.

        Returns:
            float32; an array without a reduction.

        Raises:
            ValueError: the shapes do not fit together.
        """
        predictions = np.asarray(y_pred, np.float32)
        values = self.with_slope(np.asarray(y_true), predictions)[0]
        return self._reduced(values, self._weights(values, y_true, sample_weight, None))[0]

    def gradient(
        self, y_true: ArrayLike, y_pred: ArrayLike, scale: ArrayLike | None = None
    ) -> Array:
        """Differentiate the weighted sum of all values.

        Args:
            y_true: targets.
            y_pred: predictions.
            scale: a factor for each value; None for 1.

        Returns:
            The derivative by y_pred, of its shape.
        """
        predictions = floating(y_pred)
        values, pullback = self.with_slope(np.asarray(y_true), predictions)
        factors = np.ones_like(values) if scale is None else np.asarray(scale, values.dtype)
        return _shaped(pullback(np.broadcast_to(factors, values.shape)), predictions)

    def value_and_gradient(
        self,
        y_true: ArrayLike,
        y_pred: ArrayLike,
        sample_weight: ArrayLike | None = None,
        mask: ArrayLike | None = None,
    ) -> Evaluation:
        """Return the loss and its derivative.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: a factor for each sample or place.
            mask: which samples or places count.

        Raises:
            ValueError: the shapes do not fit together.
        """
        predictions = np.asarray(y_pred, np.float32)
        values, pullback = self.with_slope(np.asarray(y_true), predictions)
        weights = self._weights(values, y_true, sample_weight, mask)
        value, factors = self._reduced(values, weights)
        gradient = pullback(_gathered(factors, values))
        return Evaluation(value, values, _shaped(gradient, predictions))

    def _own_mask(self, y_true: ArrayLike) -> Array | None:
        """Return which places count, where the loss itself leaves some out."""
        return None

    def _weights(
        self,
        values: Array,
        y_true: ArrayLike,
        sample_weight: ArrayLike | None,
        mask: ArrayLike | None,
    ) -> Array | None:
        """Merge weights and masks; places that do not count raise the weight of the others."""
        weights = None if sample_weight is None else np.asarray(sample_weight, values.dtype)
        own = self._own_mask(y_true)
        if mask is None and own is None:
            return weights
        counted = np.asarray(True if mask is None else mask, bool)
        counted = counted if own is None else np.logical_and(*same_rank(counted, own))
        shares = counted.astype(values.dtype)
        if self.reduction in ("mean", "sum_over_batch_size"):
            shares *= counted.size / max(int(np.count_nonzero(counted)), 1)
        return shares if weights is None else np.multiply(*same_rank(shares, weights))

    def _reduced(self, values: Array, weights: Array | None) -> tuple[Any, Array]:
        """Return the loss, and what each weighted value was multiplied by for it."""
        weighted, factors = values, np.ones_like(values)
        if weights is not None:
            weighted, factors = same_rank(values, weights)
            try:
                weighted = weighted * factors
            except ValueError:
                raise received(
                    self.name,
                    f"`sample_weight` must fit values of shape {values.shape}",
                    "sample_weight.shape",
                    weights.shape,
                ) from None
            factors = np.broadcast_to(factors, weighted.shape)
        if self.reduction in (None, "none"):
            return weighted.astype(FLOAT32), factors
        total = weighted.sum()
        if self.reduction not in MEANS:
            return np.float32(total), factors
        count: Any = weighted.size
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            count = weights.sum()
        if count == 0:
            return np.float32(0.0), np.zeros_like(factors)
        return np.float32(total / values.dtype.type(count)), factors / values.dtype.type(count)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        return {"name": self.name, "reduction": self.reduction} | super().get_config()


class LossFunctionWrapper(Loss):
    """A loss made of a function of targets and predictions.

    Args:
        fn: called with (y_true, y_pred, **kwargs). One of the user's is made of operations on
            NumPy arrays, and may have an attribute `slope`; see `Loss`.
        reduction: see `Loss`.
        name: see `Loss`.
        dtype: "float32".
        kwargs: what the function takes.

    Raises:
        ValueError: there is no such reduction.
    """

    # The activation whose inputs the loss can take in place of its outputs.
    activation: ClassVar[str | None] = None

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, reduction, dtype)
        self.fn = fn
        self.options = kwargs
        for option, value in kwargs.items():
            setattr(self, option, value)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the values: one for each sample, or each place."""
        return self.fn(y_true, y_pred, **self.options)

    def with_slope(self, y_true: Array, y_pred: Array) -> Pair:
        """Return the values and their pullback; see `function`."""
        if isinstance(self.fn, LossFunction):
            return self.fn.with_slope(y_true, y_pred, **self.options)
        targets, predictions = same_rank(y_true, y_pred)
        given = getattr(self.fn, "slope", None)
        if given is None:
            return differentiated(self.call, targets, predictions)
        return _with_given_slope(self.call, given, targets, predictions)

    def on_logits(self, activation: str) -> LossFunctionWrapper | None:
        """Return this loss for the inputs of an activation, where both make one formula.

        Args:
            activation: "softmax" or "sigmoid".

        Returns:
            The loss with `from_logits`; None where it has no such form, or takes logits already.
        """
        name = getattr(self.fn, "__name__", None)
        if FUSED.get(name) != activation or self.options.get("from_logits"):
            return None
        options = self.options | {"from_logits": True}
        return LossFunctionWrapper(self.fn, self.reduction, self.name, **options)

    def _own_mask(self, y_true: ArrayLike) -> Array | None:
        ignored = self.options.get("ignore_class")
        return None if ignored is None else np.asarray(y_true) != ignored

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        config = super().get_config()
        if type(self) is LossFunctionWrapper:
            config["fn"] = serialize_object(self.fn, "keras.losses")
            config |= {name: encode_value(value) for name, value in self.options.items()}
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the loss that `get_config` described."""
        return cls(**config)


FUSED: dict[str | None, str] = {
    "binary_crossentropy": "sigmoid",
    "categorical_crossentropy": "softmax",
    "sparse_categorical_crossentropy": "softmax",
}


def _with_given_slope(
    call: Callable[..., Any], slope: Callable[..., Any], y_true: Array, y_pred: Array
) -> Pair:
    """Make a pair of two functions of the user."""
    values = np.asarray(call(y_true, y_pred), y_pred.dtype)

    def pullback(factors: Array) -> Array:
        gradient = np.asarray(slope(y_true, y_pred), y_pred.dtype)
        if gradient.shape != y_pred.shape:
            raise received(
                None, f"`slope` must return shape {y_pred.shape}", "shape", gradient.shape
            )
        missing = y_pred.ndim - values.ndim
        result: Array = factors.reshape(factors.shape + (1,) * missing) * gradient
        return result

    return values, pullback


def _gathered(factors: Array, values: Array) -> Array:
    """Sum the factors of values that weights have repeated."""
    if factors.shape == values.shape:
        return factors
    if factors.size == values.size:
        return factors.reshape(values.shape)
    extra = factors.ndim - values.ndim
    summed = factors.sum(tuple(range(extra)))
    repeated = tuple(i for i, n in enumerate(values.shape) if n == 1 and summed.shape[i] != 1)
    result: Array = summed.sum(repeated, keepdims=True)
    return result


def _shaped(gradient: Array, y_pred: Array) -> Array:
    """Return a gradient in the shape and type of the predictions."""
    return np.ascontiguousarray(gradient, y_pred.dtype).reshape(y_pred.shape)
