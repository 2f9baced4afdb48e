"""Intersection over union: how well sets of pixels agree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

from cnnfast.config import epsilon
from cnnfast.metrics.metric import Array, Metric
from cnnfast.ops.geometry import received


class IoU(Metric):
    """Mean over classes of intersection over union.

    Args:
        num_classes: how many classes there are.
        target_class_ids: those that count.
        name: see `Metric`.
        dtype: see `Metric`.
        ignore_class: targets of this class count nothing.
        sparse_y_true: whether targets are numbers of classes, not one-hot.
        sparse_y_pred: whether predictions are numbers of classes, not probabilities.
        axis: of the classes, where there is one.

    Raises:
        ValueError: a class is none.
    """

    direction = "up"
    fields: ClassVar[tuple[str, ...]] = (
        "num_classes",
        "target_class_ids",
        "ignore_class",
        "sparse_y_true",
        "sparse_y_pred",
        "axis",
    )

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__("int" if dtype is None else dtype, name)
        if max(target_class_ids) >= num_classes:
            raise received(
                type(self).__name__,
                f"`target_class_ids` must be below {num_classes}",
                "target_class_ids",
                list(target_class_ids),
            )
        self.num_classes = num_classes
        self.target_class_ids = list(target_class_ids)
        self.ignore_class = ignore_class
        self.sparse_y_true = sparse_y_true
        self.sparse_y_pred = sparse_y_pred
        self.axis = axis
        self.total_cm = self.add_variable((num_classes, num_classes), name="total_confusion_matrix")

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch; what is no class counts nothing."""
        targets = self._classes(y_true, self.sparse_y_true)
        predictions = self._classes(y_pred, self.sparse_y_pred)
        given = np.asarray(1.0 if sample_weight is None else sample_weight, np.float64)
        weights = np.broadcast_to(given.reshape(-1) if given.ndim else given, targets.shape)
        counted = (targets >= 0) & (targets < self.num_classes)
        counted &= (predictions >= 0) & (predictions < self.num_classes)
        if self.ignore_class is not None:
            counted &= targets != self.ignore_class
        places = targets[counted] * self.num_classes + predictions[counted]
        size = self.num_classes**2
        found = np.bincount(places, weights[counted], size)
        self.total_cm.assign_add(found.reshape(self.total_cm.shape))

    def _classes(self, values: ArrayLike, sparse: bool) -> Array:
        array = np.asarray(values)
        numbers = array if sparse else array.argmax(self.axis)
        return numbers.astype(np.int64).reshape(-1)

    def result(self) -> float:
        """Return the mean over those of the target classes that occur."""
        matrix = self.total_cm.numpy()
        common = np.diag(matrix)[self.target_class_ids]
        union = (matrix.sum(0) + matrix.sum(1))[self.target_class_ids] - common
        present = union > 0
        shares = np.where(present, common / (union + epsilon()), 0.0)
        return float(shares.sum() / (present.sum() + epsilon()))


class MeanIoU(IoU):
    """Mean over all classes of intersection over union; see `IoU`."""

    fields: ClassVar[tuple[str, ...]] = (
        "num_classes",
        "ignore_class",
        "sparse_y_true",
        "sparse_y_pred",
        "axis",
    )

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )


class OneHotIoU(IoU):
    """Intersection over union of one-hot targets; see `IoU`."""

    fields: ClassVar[tuple[str, ...]] = (
        "num_classes",
        "target_class_ids",
        "ignore_class",
        "sparse_y_pred",
        "axis",
    )

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


class OneHotMeanIoU(MeanIoU):
    """Mean intersection over union of one-hot targets; see `IoU`."""

    fields: ClassVar[tuple[str, ...]] = ("num_classes", "ignore_class", "sparse_y_pred", "axis")

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)


class BinaryIoU(IoU):
    """Intersection over union of yes and no; predictions from `threshold` on say yes."""

    fields: ClassVar[tuple[str, ...]] = ("target_class_ids", "threshold")

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(
        self, y_true: ArrayLike, y_pred: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> None:
        """Take in a batch."""
        said = np.asarray(y_pred, np.float32) >= np.float32(self.threshold)
        super().update_state(y_true, said, sample_weight)
