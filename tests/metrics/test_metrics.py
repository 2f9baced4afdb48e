"""Metrics against Keras on TensorFlow, their names, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast import losses, metrics
from cnnfast.names import reset_names
from tolerances import roundings

CASES = json.loads((Path(__file__).parents[1] / "golden" / "metrics.json").read_text())["cases"]

# Keras sums in float32: roundings of the largest sum, of a few hundred at most.
ROUNDINGS = 16


def case_name(case: dict[str, Any]) -> str:
    return case["object"]["class_name"] + "".join(f"-{k}={v}" for k, v in case["options"].items())


def made(case: dict[str, Any]) -> metrics.Metric:
    reset_names()
    metric: metrics.Metric = getattr(metrics, case["object"]["class_name"])(**case["options"])
    return metric


def error_bound(case: dict[str, Any], weighted: bool, batches: int) -> float:
    """Bound the difference from Keras; R2Score divides by a variance that may be small."""
    if case["object"]["class_name"] != "R2Score":
        return float(roundings(ROUNDINGS, 1.0))
    arrays = [[np.array(part) for part in batch] for batch in case["batches"][:batches]]
    targets = np.concatenate([batch[0] for batch in arrays])
    weights = np.concatenate([batch[2] for batch in arrays]) if weighted else np.ones(len(targets))
    mean = weights @ targets / weights.sum()
    variance = weights @ np.square(targets - mean)
    return float(roundings(ROUNDINGS, (weights @ np.square(targets) / variance).max() ** 2))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_results_are_those_of_keras(case: dict[str, Any], weighted: bool) -> None:
    metric = made(case)
    for again in range(2):
        expected = case["weighted" if weighted else "results"]
        for count, (batch, exact) in enumerate(zip(case["batches"], expected, strict=True), 1):
            y_true, y_pred, weights = map(np.array, batch)
            metric.update_state(y_true, y_pred, weights if weighted else None)
            magnitude = max(1.0, np.abs(exact).max())
            found = metric.result()
            assert isinstance(found, float | np.ndarray)
            bound = magnitude * error_bound(case, weighted, count)
            assert np.abs(np.asarray(found) - exact).max() <= bound, again
        metric.reset_state()


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_metric_serializes_as_in_keras(case: dict[str, Any]) -> None:
    assert metrics.serialize(made(case)) == case["object"]
    assert metrics.serialize(metrics.get(case["object"])) == case["object"]


@pytest.mark.parametrize("word", ["accuracy", "acc"])
@pytest.mark.parametrize(
    ("y_true", "y_pred", "cls"),
    [
        ((8, 1), (8, 1), metrics.BinaryAccuracy),
        ((8,), (8, 1), metrics.BinaryAccuracy),
        ((8,), (8, 3), metrics.SparseCategoricalAccuracy),
        ((8, 1), (8, 3), metrics.SparseCategoricalAccuracy),
        ((8, 5), (8, 5, 3), metrics.SparseCategoricalAccuracy),
        ((8, 3), (8, 3), metrics.CategoricalAccuracy),
        ((None, 3), (None, 3), metrics.CategoricalAccuracy),
    ],
)
def test_accuracy_is_chosen_by_shapes_and_keeps_its_name(
    word: str, y_true: Any, y_pred: Any, cls: Any
) -> None:
    metric = metrics.resolve(word, y_true, y_pred)
    assert type(metric) is cls
    assert metric.name == word


def test_crossentropy_is_chosen_by_shapes() -> None:
    shapes = [((4, 1), (4, 1)), ((4,), (4, 3)), ((4, 3), (4, 3))]
    names = [type(metrics.resolve("ce", *pair)).__name__ for pair in shapes]
    assert names == [
        "BinaryCrossentropy",
        "SparseCategoricalCrossentropy",
        "CategoricalCrossentropy",
    ]


def test_resolve_keeps_metrics_and_names_functions() -> None:
    def nearness(y_true: Any, y_pred: Any) -> Any:
        return np.abs(y_true - y_pred) < 1

    shape = (4, 1)
    auc = metrics.AUC(name="area")
    assert metrics.resolve(auc, shape, shape) is auc
    wrapped = metrics.resolve(nearness, shape, shape)
    assert wrapped.name == "nearness"
    wrapped.update_state(np.zeros(4), np.array([0, 2, 0, 0]))
    assert wrapped.result() == 0.75
    assert metrics.resolve("mse", shape, shape).name == "mse"
    assert metrics.resolve("AUC", shape, shape).name == "AUC"
    assert metrics.resolve(losses.mean_squared_error, shape, shape).name == "mean_squared_error"
    loss = metrics.resolve(losses.Huber(), shape, shape)
    loss.update_state(np.zeros((2, 1)), np.ones((2, 1)))
    assert loss.result() == 0.5
    assert loss.name == "huber_loss"
    with pytest.raises(ValueError, match="A metric is needed"):
        metrics.resolve(None, shape, shape)


@pytest.mark.parametrize(
    ("name", "cls"),
    [
        ("mse", metrics.MeanSquaredError),
        ("MAE", metrics.MeanAbsoluteError),
        ("auc", metrics.AUC),
        ("top_k_categorical_accuracy", metrics.TopKCategoricalAccuracy),
        ("f1_score", metrics.F1Score),
        ("cosine_proximity", metrics.CosineSimilarity),
    ],
)
def test_get_of_a_name_finds_the_class(name: str, cls: Any) -> None:
    assert type(metrics.get(name)) is cls


@pytest.mark.parametrize("identifier", ["accuraci", {"class_name": "Accuraci"}, 3])
def test_get_of_something_else_lists_the_names(identifier: Any) -> None:
    with pytest.raises(ValueError, match=r"There is no metric .*binary_accuracy"):
        metrics.get(identifier)


def test_metrics_without_a_batch_say_nothing_wrong() -> None:
    assert metrics.Mean().result() == 0.0
    assert metrics.Sum().result() == 0.0
    assert metrics.Precision().result() == 0.0
    assert metrics.AUC().result() == 0.0
    assert metrics.AUC(multi_label=True).result() == 0.0
    assert metrics.MeanIoU(3).result() == 0.0
    assert metrics.F1Score(average="macro").result() == 0.0


def test_mean_of_many_batches_does_not_stop_growing() -> None:
    metric = metrics.Mean()
    metric.total.assign(2.0**24)
    metric.count.assign(2.0**24)
    for _ in range(8):
        metric.update_state([3.0])
    assert metric.result() == (2.0**24 + 24) / (2.0**24 + 8)


def test_sum_and_mean_take_values_with_weights() -> None:
    values, weights = np.array([[1.0, 3.0], [5.0, 7.0]]), np.array([1.0, 3.0])
    mean, total = metrics.Mean(), metrics.Sum()
    assert mean(values, weights) == (2 * 1 + 6 * 3) / 4
    assert total(values, weights) == 4 * 1 + 12 * 3


def test_ties_count_for_the_first_class_and_for_all_of_the_top() -> None:
    even = np.full((1, 3), 0.5)
    found = [metrics.sparse_categorical_accuracy([k], even)[0] for k in range(3)]
    assert found == [1.0, 0.0, 0.0]
    assert metrics.sparse_top_k_categorical_accuracy([2], even, k=1)[0] == 1.0


def test_prediction_that_is_not_a_number_is_never_above_a_threshold() -> None:
    for thresholds in (None, [0.0, 0.25, 0.5, 0.75, 1.0]):
        metric = metrics.TruePositives(thresholds=thresholds)
        metric.update_state([1, 1], [np.nan, 1.0])
        assert np.ravel(metric.result())[0] == 1.0


def test_metric_of_the_user_keeps_its_state() -> None:
    class Largest(metrics.Metric):
        def __init__(self, name: str | None = None) -> None:
            super().__init__(name=name)
            self.top = self.add_weight(name="top", initializer="zeros")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.top.assign(np.maximum(self.top, np.max(y_pred)))

        def result(self) -> float:
            return float(self.top)

    reset_names()
    metric = Largest()
    assert metric.name == "largest"
    assert metric(None, [1.0, 4.0]) == 4.0
    metric.reset_states()
    assert metric.result() == 0.0
    assert [variable.path for variable in metric.variables] == ["largest/top"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: metrics.Precision(thresholds=1.5),
            r"Precision: `thresholds` must lie in \[0, 1\]",
        ),
        (lambda: metrics.AUC(curve="RAC"), '`curve` must be one of "roc", "pr"'),
        (lambda: metrics.AUC(num_thresholds=1), "`num_thresholds` must be an integer > 1"),
        (lambda: metrics.AUC(num_labels=3), "`num_labels` is needed only with `multi_label`"),
        (lambda: metrics.RecallAtPrecision(1.5), "`precision` must be at most 1"),
        (lambda: metrics.F1Score(average="mean"), "`average` must be one of"),
        (lambda: metrics.FBetaScore(beta=0.0), "`beta` must be a finite number > 0"),
        (lambda: metrics.R2Score(num_regressors=-1), "`num_regressors` must be >= 0"),
        (lambda: metrics.IoU(2, [2]), "`target_class_ids` must be below 2"),
    ],
)
def test_argument_with_a_wrong_value_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (metrics.CategoricalAccuracy(), "Accuracy compares one prediction with each target"),
        (metrics.AUC(), "Targets must have the shape of the predictions"),
        (metrics.MeanSquaredError(), "targets must have the shape of the predictions"),
        (metrics.SparseTopKCategoricalAccuracy(), "targets must have shape"),
    ],
)
def test_targets_of_another_shape_are_refused(metric: metrics.Metric, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metric.update_state(np.zeros((3, 4)), np.zeros((5, 2)))
