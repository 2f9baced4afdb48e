"""Ask Keras on TensorFlow what metrics say, and keep it in metrics.json.

Run in an environment that has Keras and TensorFlow:

    KERAS_BACKEND=tensorflow python tests/golden/make_metrics.py

Each metric takes in two batches, without and with weights.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import metrics
from make_losses import draw
from shortened import shortened

SEED = 5
BATCHES = ((6, 4), (3, 4))

M = metrics
CASES = (
    (M.Accuracy, {}, "classes", "classes"),
    (M.BinaryAccuracy, {}, "binary", "probabilities"),
    (M.BinaryAccuracy, {"threshold": 0.25}, "binary", "probabilities"),
    (M.CategoricalAccuracy, {}, "one_hot", "probabilities"),
    (M.SparseCategoricalAccuracy, {}, "classes", "probabilities"),
    (M.TopKCategoricalAccuracy, {"k": 2}, "one_hot", "probabilities"),
    (M.SparseTopKCategoricalAccuracy, {"k": 2}, "classes", "probabilities"),
    (M.MeanSquaredError, {}, "numbers", "numbers"),
    (M.RootMeanSquaredError, {}, "numbers", "numbers"),
    (M.MeanAbsoluteError, {}, "numbers", "numbers"),
    (M.MeanAbsolutePercentageError, {}, "numbers", "numbers"),
    (M.MeanSquaredLogarithmicError, {}, "positive", "positive"),
    (M.LogCoshError, {}, "numbers", "numbers"),
    (M.CosineSimilarity, {}, "numbers", "numbers"),
    (M.PearsonCorrelation, {}, "numbers", "numbers"),
    (M.ConcordanceCorrelation, {}, "numbers", "numbers"),
    (M.R2Score, {}, "numbers", "numbers"),
    (M.R2Score, {"class_aggregation": None}, "numbers", "numbers"),
    (M.R2Score, {"class_aggregation": "variance_weighted_average"}, "numbers", "numbers"),
    (M.R2Score, {"num_regressors": 2}, "numbers", "numbers"),
    (M.Hinge, {}, "binary", "numbers"),
    (M.SquaredHinge, {}, "signs", "numbers"),
    (M.CategoricalHinge, {}, "one_hot", "numbers"),
    (M.KLDivergence, {}, "probabilities", "probabilities"),
    (M.Poisson, {}, "positive", "positive"),
    (M.BinaryCrossentropy, {}, "binary", "probabilities"),
    (M.BinaryCrossentropy, {"from_logits": True, "label_smoothing": 0.1}, "binary", "numbers"),
    (M.CategoricalCrossentropy, {}, "one_hot", "probabilities"),
    (M.CategoricalCrossentropy, {"from_logits": True}, "one_hot", "numbers"),
    (M.SparseCategoricalCrossentropy, {}, "classes", "probabilities"),
    (M.TruePositives, {}, "binary", "probabilities"),
    (M.FalsePositives, {"thresholds": [0.1, 0.3, 0.2]}, "binary", "probabilities"),
    (M.TrueNegatives, {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, "binary", "probabilities"),
    (M.FalseNegatives, {}, "binary", "probabilities"),
    (M.Precision, {}, "binary", "probabilities"),
    (M.Precision, {"thresholds": [0.1, 0.3]}, "binary", "probabilities"),
    (M.Precision, {"top_k": 2}, "one_hot", "probabilities"),
    (M.Precision, {"class_id": 1, "thresholds": 0.25}, "binary", "probabilities"),
    (M.Recall, {"thresholds": 0.25}, "binary", "probabilities"),
    (M.Recall, {"top_k": 2, "class_id": 1}, "one_hot", "probabilities"),
    (M.SensitivityAtSpecificity, {"specificity": 0.5}, "binary", "probabilities"),
    (M.SpecificityAtSensitivity, {"sensitivity": 0.5}, "binary", "probabilities"),
    (M.PrecisionAtRecall, {"recall": 0.5, "num_thresholds": 50}, "binary", "probabilities"),
    (M.RecallAtPrecision, {"precision": 0.5}, "binary", "probabilities"),
    (M.AUC, {}, "binary", "probabilities"),
    (M.AUC, {"curve": "PR"}, "binary", "probabilities"),
    (M.AUC, {"curve": "PR", "summation_method": "majoring"}, "binary", "probabilities"),
    (M.AUC, {"curve": "PRGAIN", "summation_method": "minoring"}, "binary", "probabilities"),
    (M.AUC, {"thresholds": [0.1, 0.4, 0.2]}, "binary", "probabilities"),
    (M.AUC, {"multi_label": True, "num_labels": 4}, "binary", "probabilities"),
    (M.AUC, {"num_thresholds": 20, "from_logits": True}, "binary", "numbers"),
    (M.F1Score, {}, "one_hot", "probabilities"),
    (M.F1Score, {"average": "micro", "threshold": 0.25}, "binary", "probabilities"),
    (M.F1Score, {"average": "macro"}, "one_hot", "probabilities"),
    (M.FBetaScore, {"average": "weighted", "beta": 2.0}, "one_hot", "probabilities"),
    (M.IoU, {"num_classes": 4, "target_class_ids": [0, 2]}, "classes", "classes"),
    (M.MeanIoU, {"num_classes": 4, "ignore_class": 1}, "classes", "classes"),
    (M.BinaryIoU, {"threshold": 0.25}, "binary", "probabilities"),
    (M.OneHotIoU, {"num_classes": 4, "target_class_ids": [1]}, "one_hot", "probabilities"),
    (M.OneHotMeanIoU, {"num_classes": 4}, "one_hot", "probabilities"),
)


def results(make: Any, batches: list[tuple[Any, Any, Any]], weighted: bool) -> list[Any]:
    """Ask for the result after each batch."""
    keras.backend.clear_session()
    metric, found = make(), []
    for y_true, y_pred, weights in batches:
        metric.update_state(y_true, y_pred, weights if weighted else None)
        found.append(np.asarray(metric.result()).tolist())
    return found


def case(cls: Any, options: dict[str, Any], targets: str, predictions: str) -> dict[str, Any]:
    """Ask for all that is to be known of a metric."""
    stream = np.random.RandomState(SEED)
    keras.backend.clear_session()
    batches = []
    for shape in BATCHES:
        y_true, y_pred = draw(targets, stream, shape), draw(predictions, stream, shape)
        size = y_true.size if cls is M.BinaryIoU else shape[0]
        batches.append((y_true, y_pred, stream.randint(0, 4, size)))
    return {
        "object": metrics.serialize(cls(**options)),
        "options": options,
        "batches": [[a.tolist() for a in batch] for batch in batches],
        "results": results(lambda: cls(**options), batches, False),
        "weighted": results(lambda: cls(**options), batches, True),
    }


def main() -> None:
    """Write one case per line."""
    lines = []
    for settings in CASES:
        found = case(*settings)
        described = {name: found.pop(name) for name in ("object", "options")}
        lines.append(json.dumps(described | shortened(found)))
    joined = ",\n".join(lines)
    text = f'{{"keras_version": "{keras.__version__}",\n"cases": [\n{joined}\n]}}\n'
    Path(__file__).with_name("metrics.json").write_text(text)


if __name__ == "__main__":
    main()
