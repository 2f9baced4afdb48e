"""What all metrics share, and the means that most of them are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cnnfast.losses.function import same_rank
from cnnfast.names import to_snake_case, unique_name
from cnnfast.ops.geometry import received
from cnnfast.serialization import Config, Configurable, encode_value, serialize_object
from cnnfast.state import StateVariable

Array = NDArray[Any]


class Metric(Configurable):
    """Base class of metrics: what is known of all batches since `reset_state`.

    A subclass of the user defines `update_state` and `result`; it keeps what it needs in
    variables made by `add_variable`. State is float64: a float32 count stops at 16,777,216.

    Args:
        dtype: of the results, "float32".
        name: by default made from the class name.
    """

    # "up" where more is better, "down" where less is; None where that is not known.
    direction: ClassVar[str | None] = None

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or unique_name(to_snake_case(type(self).__name__))
        self.dtype = "float32" if dtype is None else np.dtype(dtype).name
        self._variables: list[StateVariable] = []

    @property
    def variables(self) -> list[StateVariable]:
        """What is remembered."""
        return list(self._variables)

    def add_variable(
        self,
        shape: tuple[int, ...] = (),
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> StateVariable:
        """Make a variable of zeros.

        Args:
            shape: its shape.
            initializer: None or "zeros": what `reset_state` returns to.
            dtype: not looked at; float64.
            aggregation: not looked at.
            name: short name.

        Raises:
            ValueError: it would not begin with zeros.
        """
        if initializer not in (None, "zeros", "Zeros"):
            raise received(self.name, "state begins with zeros", "initializer", initializer)
        variable = StateVariable(np.zeros(shape), name or "variable", self.name, np.float64)
        self._variables.append(variable)
        return variable

    # Keras 2's name.
    add_weight = add_variable

    def update_state(self, *arguments: Any, **options: Any) -> None:
        """Take in a batch."""
        raise NotImplementedError(f"{type(self).__name__} does not define `update_state`.")

    def result(self) -> Any:
        """Return what is known so far, as a float or an array."""
        raise NotImplementedError(f"{type(self).__name__} does not define `result`.")

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable in self._variables:
            variable.assign(np.zeros(variable.shape))

    def reset_states(self) -> None:
        """Forget all batches: Keras 2's name."""
        self.reset_state()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Take in a batch and return what is known so far."""
        self.update_state(*arguments, **options)
        return self.result()

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        return {"name": self.name, "dtype": self.dtype} | super().get_config()


class Sum(Metric):
    """Sum of all values.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Take in values, each times its weight."""
        reduced, _ = by_sample(values, sample_weight, np.sum)
        self.total.assign_add(reduced.sum())

    def result(self) -> float:
        """Return the sum."""
        return float(self.total)


class Mean(Metric):
    """Mean of all values, each times its weight, over the sum of the weights.

    Args:
        name: see `Metric`.
        dtype: see `Metric`.
    """

    def __init__(self, name: str | None = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: ArrayLike, sample_weight: ArrayLike | None = None) -> None:
        """Take in values; what belongs to a sample is averaged first."""
        reduced, weights = by_sample(values, sample_weight, np.mean)
        self.total.assign_add(reduced.sum())
        samples = len(reduced) if reduced.ndim else 1
        self.count.assign_add(samples if weights is None else weights.sum())

    def result(self) -> float:
        """Return the mean, 0 without values."""
        return float(self.total) / float(self.count) if self.count else 0.0


class MeanMetricWrapper(Mean):
    """Mean of a function of targets and predictions.

    Args:
        fn: called with (y_true, y_pred, **kwargs); returns a value for each sample or place.
        name: see `Metric`.
        dtype: see `Metric`.
        kwargs: what the function takes.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        name = name or to_snake_case(type(self).__name__)
        super().__init__(name, dtype)
        self.fn = fn
        self.options = kwargs
        for option, value in kwargs.items():
            setattr(self, option, value)

    def update_state(  # type: ignore[override]
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch.

        Args:
            y_true: targets.
            y_pred: predictions.
            sample_weight: a factor for each sample or place.
        """
        super().update_state(self.fn(y_true, y_pred, **self.options), sample_weight)

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        config = super().get_config()
        if type(self) is MeanMetricWrapper:
            config["fn"] = serialize_object(self.fn, "keras.metrics")
            config |= {name: encode_value(value) for name, value in self.options.items()}
        return config


def by_sample(
    values: ArrayLike, sample_weight: ArrayLike | None, reduce: Callable[..., Any]
) -> tuple[Array, Array | None]:
    """Weigh values and reduce them to one for each sample.

    Args:
        values: one for each sample or place.
        sample_weight: a factor for each, or None.
        reduce: sum or mean along axes.

    Returns:
        Values in float64, times their weights, and these, one for each sample.

    Raises:
        ValueError: weights do not fit the values.
    """
    numbers = np.asarray(values, np.float64)
    if sample_weight is None:
        return reduce(numbers, axis=tuple(range(1, numbers.ndim))), None
    numbers, weights = same_rank(numbers, np.asarray(sample_weight, np.float64))
    if numbers.ndim > weights.ndim:
        numbers = reduce(numbers, axis=tuple(range(weights.ndim, numbers.ndim)))
    try:
        weights = np.broadcast_to(weights, numbers.shape)
    except ValueError:
        raise received(
            None,
            f"`sample_weight` must fit values of shape {numbers.shape}",
            "sample_weight.shape",
            np.shape(sample_weight),
        ) from None
    axes = tuple(range(1, numbers.ndim))
    return reduce(numbers * weights, axis=axes), reduce(weights, axis=axes)
