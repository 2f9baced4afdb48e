"""Losses of a model as it predicts, without a step of training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast.clock import CLOCK
from cnnfast.engine.heads import Head, logits_of
from cnnfast.engine.live_plan import LivePlan, make_plan
from cnnfast.engine.plan import Plan
from cnnfast.losses import Loss
from cnnfast.models.model import Model
from cnnfast.ops.losses import LossValue
from cnnfast.ops.penalties import Penalty
from cnnfast.training.batch import Batch
from cnnfast.training.heads import given_targets, head_of, native_scales, native_targets
from cnnfast.training.lowered import lower_model
from cnnfast.training.step import Outcome

Array = NDArray[Any]


class Judged(NamedTuple):
    """A plan for inputs of certain shapes.

    Attributes:
        time: until which it is good.
        plan: gives predictions, then the values of native losses.
        heads: of each output.
        shapes: of the outputs, without the batch axis.
        penalties: number of further outputs, penalties on what layers put out.
        regularizers: penalties that NumPy computes, on the outputs before these.
    """

    time: int
    plan: Plan | LivePlan
    heads: list[Head | None]
    shapes: list[tuple[int, ...]]
    penalties: int
    regularizers: list[Any]

    def is_current(self) -> bool:
        """Whether weights are as they were when this was made."""
        is_live = isinstance(self.plan, LivePlan) and self.plan.is_current()
        return is_live or self.time == CLOCK.time


class Evaluation:
    """A model with the losses of its outputs.

    Args:
        model: built.
        losses: one for each output, None where there is none.
        factors: of the losses.
    """

    def __init__(
        self, model: Model, losses: Sequence[Loss | None], factors: Sequence[float]
    ) -> None:
        self._model, self._losses, self._factors = model, losses, factors
        self._judged: dict[Any, Judged] = {}

    def judge(self, batch: Batch) -> Outcome:
        """Compute the loss of a batch, penalties included, and the predictions.

        Args:
            batch: not empty.

        Raises:
            ValueError: a shape does not fit, or a label or id is out of range.
        """
        judged = self._plan(tuple(array.shape[1:] for array in batch.inputs))
        shapes = [(batch.samples, *shape) for shape in judged.shapes]
        targets = [
            native_targets(head, loss, target, shape)
            for head, loss, target, shape in zip(
                judged.heads, self._losses, batch.targets, shapes, strict=True
            )
            if head is not None and head.kind is not None and loss is not None
        ]
        outputs = judged.plan.run([*batch.inputs, *targets])
        predictions, values = outputs[: len(shapes)], iter(outputs[len(shapes) :])
        total, parts = float(sum(self._model.losses)), []
        end = len(outputs) - judged.penalties
        for penalty in outputs[end:]:
            total += float(penalty.mean(dtype=np.float64))
        values_of = outputs[end - len(judged.regularizers) : end]
        for regularizer, output in zip(judged.regularizers, values_of, strict=True):
            total += float(regularizer(output)) / batch.samples
        for index, (head, loss) in enumerate(zip(judged.heads, self._losses, strict=True)):
            if loss is None or head is None:
                continue
            weights = batch.weights[index]
            if head.kind is None:
                targets_given = given_targets(loss, batch.targets[index])
                part = float(np.mean(loss(targets_given, predictions[index], weights)))
            else:
                scales = native_scales(loss, weights, shapes[index][:-1])
                part = float((next(values) * scales).sum(dtype=np.float64))
            parts.append(part)
            total += self._factors[index] * part
        return Outcome(total, parts if len(parts) > 1 else [], predictions)

    def _plan(self, shapes: tuple[tuple[int, ...], ...]) -> Judged:
        judged = self._judged.get(shapes)
        if judged is None or not judged.is_current():
            judged = self._judged[shapes] = self._made(shapes)
        return judged

    def _made(self, shapes: tuple[tuple[int, ...], ...]) -> Judged:
        time = CLOCK.time
        lowered = lower_model(self._model, shapes, training=False)
        graph, count = lowered.graph, len(self._losses)
        border = count + len(lowered.regularizers)
        outputs, others = graph.outputs[:count], graph.outputs[count:border]
        penalized = graph.outputs[border:]
        del graph.outputs[count:]
        heads = [
            head_of(loss, activation)
            for loss, activation in zip(self._losses, lowered.activations, strict=True)
        ]
        for head, output in zip(heads, outputs, strict=True):
            if head is not None and head.kind is not None:
                is_sparse = head.kind == "sparse"
                targets = graph.input(
                    output.shape[:-1] if is_sparse else output.shape,
                    "int32" if is_sparse else "float32",
                )
                logits = logits_of(graph, output, head.on_logits)
                graph.output(graph.add(LossValue(head.kind, head.smoothing), logits, targets))
        graph.outputs += others
        for value, factors in zip(penalized, lowered.penalties, strict=True):
            graph.output(graph.add(Penalty(*factors), value))
        plan = make_plan(graph, self._model.weights, self._model._plans.steps)
        return Judged(
            time, plan, heads, lowered.output_shapes, len(penalized), lowered.regularizers
        )
