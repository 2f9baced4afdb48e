"""The losses as classes: Keras's names, arguments and defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from cnnfast.losses import crossentropy, focal, hinge, overlap, regression
from cnnfast.losses.loss import LossFunctionWrapper

USUAL = "sum_over_batch_size"


class MeanSquaredError(LossFunctionWrapper):
    """Mean of the squared errors."""

    def __init__(
        self, reduction: str | None = USUAL, name: str = "mean_squared_error", dtype: Any = None
    ) -> None:
        super().__init__(regression.mean_squared_error, reduction, name, dtype)


class MeanAbsoluteError(LossFunctionWrapper):
    """Mean of the absolute errors."""

    def __init__(
        self, reduction: str | None = USUAL, name: str = "mean_absolute_error", dtype: Any = None
    ) -> None:
        super().__init__(regression.mean_absolute_error, reduction, name, dtype)


class MeanAbsolutePercentageError(LossFunctionWrapper):
    """Mean of the absolute errors in percent of the targets."""

    def __init__(
        self,
        reduction: str | None = USUAL,
        name: str = "mean_absolute_percentage_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(regression.mean_absolute_percentage_error, reduction, name, dtype)


class MeanSquaredLogarithmicError(LossFunctionWrapper):
    """Mean of the squared errors of logarithms."""

    def __init__(
        self,
        reduction: str | None = USUAL,
        name: str = "mean_squared_logarithmic_error",
        dtype: Any = None,
    ) -> None:
        super().__init__(regression.mean_squared_logarithmic_error, reduction, name, dtype)


class CosineSimilarity(LossFunctionWrapper):
    """Minus the cosine of the angle between target and prediction."""

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = USUAL,
        name: str = "cosine_similarity",
        dtype: Any = None,
    ) -> None:
        super().__init__(regression.cosine_similarity, reduction, name, dtype, axis=axis)


class Huber(LossFunctionWrapper):
    """Squared for small errors, linear for those beyond `delta`."""

    # Keras leaves `delta` out of its files. One that is not the default has to be kept.
    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = USUAL,
        name: str = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(regression.huber, reduction, name, dtype, delta=delta)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments by name, ready for JSON."""
        delta = self.options["delta"]
        return super().get_config() | ({} if delta == 1.0 else {"delta": delta})


class LogCosh(LossFunctionWrapper):
    """Logarithm of the hyperbolic cosine of the error."""

    def __init__(
        self, reduction: str | None = USUAL, name: str = "log_cosh", dtype: Any = None
    ) -> None:
        super().__init__(regression.log_cosh, reduction, name, dtype)


class Poisson(LossFunctionWrapper):
    """Prediction minus target times its logarithm."""

    def __init__(
        self, reduction: str | None = USUAL, name: str = "poisson", dtype: Any = None
    ) -> None:
        super().__init__(regression.poisson, reduction, name, dtype)


class Hinge(LossFunctionWrapper):
    """What is missing to a margin of 1."""

    def __init__(
        self, reduction: str | None = USUAL, name: str = "hinge", dtype: Any = None
    ) -> None:
        super().__init__(hinge.hinge, reduction, name, dtype)


class SquaredHinge(LossFunctionWrapper):
    """Square of what is missing to a margin of 1."""

    def __init__(
        self, reduction: str | None = USUAL, name: str = "squared_hinge", dtype: Any = None
    ) -> None:
        super().__init__(hinge.squared_hinge, reduction, name, dtype)


class CategoricalHinge(LossFunctionWrapper):
    """What is missing to a margin of 1 before the largest wrong class."""

    def __init__(
        self, reduction: str | None = USUAL, name: str = "categorical_hinge", dtype: Any = None
    ) -> None:
        super().__init__(hinge.categorical_hinge, reduction, name, dtype)


class KLDivergence(LossFunctionWrapper):
    """Divergence of Kullback and Leibler between distributions."""

    def __init__(
        self, reduction: str | None = USUAL, name: str = "kl_divergence", dtype: Any = None
    ) -> None:
        super().__init__(overlap.kl_divergence, reduction, name, dtype)


class BinaryCrossentropy(LossFunctionWrapper):
    """Crossentropy of yes and no; see `crossentropy.binary_crossentropy`."""

    fields: ClassVar[tuple[str, ...]] = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = USUAL,
        name: str = "binary_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            crossentropy.binary_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalCrossentropy(LossFunctionWrapper):
    """Crossentropy of one-hot targets; see `crossentropy.categorical_crossentropy`."""

    fields: ClassVar[tuple[str, ...]] = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = USUAL,
        name: str = "categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            crossentropy.categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class SparseCategoricalCrossentropy(LossFunctionWrapper):
    """Crossentropy of numbers of classes; see `crossentropy.sparse_categorical_crossentropy`."""

    fields: ClassVar[tuple[str, ...]] = ("from_logits", "ignore_class")

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = USUAL,
        axis: int = -1,
        name: str = "sparse_categorical_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            crossentropy.sparse_categorical_crossentropy,
            reduction,
            name,
            dtype,
            from_logits=from_logits,
            ignore_class=ignore_class,
            axis=axis,
        )


class BinaryFocalCrossentropy(LossFunctionWrapper):
    """Crossentropy of what is hard to tell; see `focal.binary_focal_crossentropy`."""

    fields: ClassVar[tuple[str, ...]] = (
        "from_logits",
        "label_smoothing",
        "axis",
        "apply_class_balancing",
        "alpha",
        "gamma",
    )

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = USUAL,
        name: str = "binary_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            focal.binary_focal_crossentropy,
            reduction,
            name,
            dtype,
            apply_class_balancing=apply_class_balancing,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalFocalCrossentropy(LossFunctionWrapper):
    """Crossentropy of hard samples; see `focal.categorical_focal_crossentropy`."""

    fields: ClassVar[tuple[str, ...]] = (
        "from_logits",
        "label_smoothing",
        "axis",
        "alpha",
        "gamma",
    )

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = USUAL,
        name: str = "categorical_focal_crossentropy",
        dtype: Any = None,
    ) -> None:
        super().__init__(
            focal.categorical_focal_crossentropy,
            reduction,
            name,
            dtype,
            alpha=alpha,
            gamma=gamma,
            from_logits=from_logits,
            label_smoothing=label_smoothing,
            axis=axis,
        )


class CategoricalGeneralizedCrossEntropy(LossFunctionWrapper):
    """Between crossentropy and absolute error, for targets that may be wrong.

    Raises:
        ValueError: q is not between 0 and 1.
    """

    fields: ClassVar[tuple[str, ...]] = ("q",)

    def __init__(
        self,
        q: float = 0.5,
        reduction: str | None = USUAL,
        name: str = "categorical_generalized_cross_entropy",
        dtype: Any = None,
    ) -> None:
        if not 0 < q < 1:
            raise ValueError(f"`q` must be between 0 and 1. Received: q={q}")
        super().__init__(
            crossentropy.categorical_generalized_cross_entropy, reduction, name, dtype, q=q
        )


class Dice(LossFunctionWrapper):
    """1 minus the overlap of two sets; see `overlap.dice`."""

    fields: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(
        self,
        reduction: str | None = USUAL,
        name: str = "dice",
        axis: overlap.Axes = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(overlap.dice, reduction, name, dtype, axis=axis)


class Tversky(LossFunctionWrapper):
    """1 minus the weighted overlap of two sets; see `overlap.tversky`."""

    fields: ClassVar[tuple[str, ...]] = ("alpha", "beta", "axis")

    def __init__(
        self,
        alpha: float = 0.5,
        beta: float = 0.5,
        reduction: str | None = USUAL,
        name: str = "tversky",
        axis: overlap.Axes = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(overlap.tversky, reduction, name, dtype, alpha=alpha, beta=beta, axis=axis)
