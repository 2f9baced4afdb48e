"""One step of training: the gradient of a batch, and what the optimizer makes of it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels.region import Work
from cnnfast.clock import CLOCK
from cnnfast.engine.heads import Head
from cnnfast.engine.parameters import Parameters
from cnnfast.engine.training_plan import Result, TrainingPlan
from cnnfast.engine.variable import Variable
from cnnfast.losses import Loss
from cnnfast.models.model import Model
from cnnfast.optimizers import Optimizer
from cnnfast.optimizers.steps import Steps
from cnnfast.random import draw_seed
from cnnfast.slopes import slope_of
from cnnfast.threads import thread_count
from cnnfast.training.batch import Batch
from cnnfast.training.heads import (
    check_targets,
    given_targets,
    head_of,
    native_scales,
    native_targets,
)
from cnnfast.training.interruption import INTERRUPTIONS
from cnnfast.training.lowered import SampleShape, lower_model, moving_averages

Array = NDArray[Any]

# Floats of a table whose rows are not updated as a whole: an L2.
LARGE_TABLE: Final = 256 * 1024


class Outcome(NamedTuple):
    """What a step tells.

    Attributes:
        loss: of the batch, with penalties.
        parts: the loss of each output that has one, without its factor.
        predictions: of the model before the step; empty if they were not asked for.
    """

    loss: float
    parts: list[float]
    predictions: list[Array]


class Step:
    """A model's weights with what updates them.

    Args:
        model: built.
        optimizer: is built for the model's weights.
        losses: one for each output, None where there is none.
        factors: of the losses.
    """

    def __init__(
        self,
        model: Model,
        optimizer: Optimizer,
        losses: Sequence[Loss | None],
        factors: Sequence[float],
    ) -> None:
        self._model, self._losses, self._factors = model, losses, factors
        self._parameters = Parameters(model.trainable_weights)
        self._moving = Parameters(moving_averages(model))
        self._plans: dict[Any, Lesson] = {}
        self._version = 0
        self._checked = CLOCK.time
        self._folded: list[Variable] = []
        self._frozen = self._versions_of_frozen()
        self._scales: dict[Any, Array] = {}
        self._optimizer = optimizer
        self._seed: int | None = None
        self._unused: list[int] = []
        self._refolds = False
        optimizer.build(self._parameters.variables)
        parameters = self._parameters
        named = list(zip(parameters.variables, parameters.views, strict=True))
        self._constrained = [(v, view) for v, view in named if v.constraint is not None]
        self._penalized: list[tuple[Any, Array, Array]] = [
            (variable.regularizer, view, gradient)
            for (variable, view), gradient in zip(named, parameters.gradient_views, strict=True)
            if variable.regularizer is not None
        ]

    def is_outdated(self) -> bool:
        """Whether other variables train now than when this was made."""
        if self._checked == CLOCK.time:
            return False
        self._checked = CLOCK.time
        return (
            self._parameters.variables != self._model.trainable_weights
            or self._moving.variables != moving_averages(self._model)
        )

    def _versions_of_frozen(self) -> list[int]:
        """Tell which values plans hold of weights that do not change here."""
        moved = set(self._moving.variables) - set(self._folded)
        return [v.version for v in self._model.non_trainable_weights if v not in moved]

    def check(self, batch: Batch, predicts: bool) -> None:
        """Make sure that targets fit the outputs; nothing is computed.

        Args:
            batch: whose inputs need not have as many samples as the targets.
            predicts: whether predictions will be asked for.

        Raises:
            ValueError: a shape does not fit, or a label is no class.
        """
        lesson = self._lesson(batch, predicts)
        for head, loss, targets, shape in zip(
            lesson.heads, self._losses, batch.targets, lesson.shapes, strict=True
        ):
            if head is not None and loss is not None:
                check_targets(head, loss, targets, shape)

    def output_shapes(self, batch: Batch) -> list[SampleShape]:
        """Give the shapes of predictions for such inputs, without the batch axis.

        Args:
            batch: of any number of samples.
        """
        return self._lesson(batch, predicts=True).shapes

    def train(self, batch: Batch, predicts: bool) -> Outcome:
        """Do one step.

        Args:
            batch: not empty.
            predicts: whether predictions are returned.

        Raises:
            ValueError: a shape does not fit, or a label or id is out of range; the weights are
                as before.
        """
        INTERRUPTIONS.hold_back()
        try:
            return self._train(batch, predicts)
        finally:
            INTERRUPTIONS.let_through()

    def _train(self, batch: Batch, predicts: bool) -> Outcome:
        self._take_over()
        lesson = self._lesson(batch, predicts)
        lesson.plan.tables.catch_up(batch.inputs)
        if lesson.forward is None and self._is_plain:
            outcome = self._native(lesson, batch, self._updates.begin())
            self._updates.end()
        else:
            outcome = self._by_pieces(lesson, batch)
        lesson.plan.update_moving()
        for variable, view in self._constrained:
            constraint: Any = variable.constraint
            view[...] = constraint(view)
        self._parameters.mark_changed()
        self._moving.mark_changed()
        self._version += 1
        if self._refolds:
            self._plans.clear()
        return outcome

    @property
    def _is_plain(self) -> bool:
        """Whether nothing but the optimizer's kernels stands between gradients and weights."""
        return not self._penalized and self._optimizer.gradient_accumulation_steps is None

    def _by_pieces(self, lesson: Lesson, batch: Batch) -> Outcome:
        """Compute the gradient, do in NumPy what is to be done with it, and then the update."""
        if lesson.forward is None:
            outcome = self._native(lesson, batch, ())
        else:
            outcome = self._with_numpy(lesson, lesson.forward, batch)
        loss = outcome.loss + self._penalize()
        self._updates.run(thread_count())
        return outcome._replace(loss=loss)

    @cached_property
    def _updates(self) -> Steps:
        """What lets the optimizer change the weights that have a gradient."""
        gradients: list[Array | None] = list(self._parameters.gradient_views)
        for index in self._unused:
            gradients[index] = None
        return self._optimizer.prepare(self._parameters.views, gradients)

    def _find_unused(self, plan: TrainingPlan) -> None:
        """Settle which weights stay as they are: neither a loss nor a penalty depends on them."""
        variables = self._parameters.variables
        self._unused = [i for i in plan.unused if variables[i].regularizer is None]
        if variables and len(self._unused) == len(variables):
            raise ValueError(
                f"No gradients provided for any variable: no loss of model '{self._model.name}' "
                f"depends on its weights {[variable.path for variable in variables]}."
            )
        if self._unused:
            names = [variables[i].path for i in self._unused]
            warnings.warn(
                f"Gradients do not exist for variables {names} when minimizing the loss. They stay "
                "as they are.",
                stacklevel=2,
            )

    def _take_over(self) -> None:
        """Heed what was assigned to weights since the last step."""
        if self._parameters.is_current() and self._moving.is_current():
            return
        versions = self._versions_of_frozen()
        if versions != self._frozen:
            # Plans hold what layers made of weights that do not train.
            self._plans.clear()
            self._frozen = versions
        self._parameters.take_over()
        self._moving.take_over()
        self._version += 1

    def _penalize(self) -> float:
        """Add what regularizers add to the loss and the gradient."""
        total = 0.0
        for regularizer, view, gradient in self._penalized:
            total += float(regularizer(view))
            gradient += np.asarray(slope_of(regularizer, view), np.float32)
        return total

    def _native(self, lesson: Lesson, batch: Batch, updates: Sequence[Work]) -> Outcome:
        """Run forward, losses and backward in one go, and what follows them."""
        feeds: list[Array] = []
        for index, head in enumerate(lesson.heads):
            if head is not None:
                feeds += self._feed(lesson, batch, index)
        result = self._run(lesson, lesson.plan, feeds, batch, updates)
        parts = self._parts(lesson, result, feeds)
        return Outcome(result.loss or 0.0, parts, result.predictions)

    def _feed(self, lesson: Lesson, batch: Batch, index: int) -> list[Array]:
        """Prepare targets and scales of one output."""
        head, loss, targets = lesson.heads[index], self._losses[index], batch.targets[index]
        assert head is not None
        assert loss is not None
        shape = (batch.samples, *lesson.shapes[index])
        weights, factor = batch.weights[index], self._factors[index]
        key = (index, shape)
        scales = self._scales.get(key) if weights is None else None
        if scales is None:
            scales = native_scales(loss, weights, shape[:-1]) * np.float32(factor)
            if weights is None:
                self._scales[key] = scales
        return [native_targets(head, loss, targets, shape), scales]

    def _parts(self, lesson: Lesson, result: Result, feeds: list[Array]) -> list[float]:
        """Give the loss of each output, if there are several."""
        factors = [self._factors[i] for i, head in enumerate(lesson.heads) if head is not None]
        if len(factors) < 2:
            return []
        return [
            float((values * scales).sum(dtype=np.float64)) / factor if factor else 0.0
            for values, scales, factor in zip(result.values, feeds[1::2], factors, strict=False)
        ]

    def _with_numpy(self, lesson: Lesson, forward: TrainingPlan, batch: Batch) -> Outcome:
        """Run forward, compute losses and their gradients with NumPy, run backward."""
        predictions = self._run(lesson, forward, [], batch).predictions
        gradients, parts, total, count = [], [], 0.0, len(self._losses)
        for index, loss in enumerate(self._losses):
            if loss is None:
                continue
            targets = given_targets(loss, batch.targets[index])
            found = loss.value_and_gradient(targets, predictions[index], batch.weights[index])
            factor = self._factors[index]
            parts.append(float(np.mean(found.value)))
            total += factor * parts[-1]
            gradients.append(np.ascontiguousarray(found.gradient * np.float32(factor)))
        for regularizer, value in zip(lesson.regularizers, predictions[count:], strict=True):
            total += float(regularizer(value)) / batch.samples
            slope = slope_of(regularizer, value) / np.float32(batch.samples)
            gradients.append(np.ascontiguousarray(slope, np.float32))
        total += self._run(lesson, lesson.plan, gradients, batch).loss or 0.0
        return Outcome(total, parts if len(parts) > 1 else [], predictions[:count])

    def _run(
        self,
        lesson: Lesson,
        plan: TrainingPlan,
        feeds: list[Array],
        batch: Batch,
        updates: Sequence[Work] = (),
    ) -> Result:
        draws = [self._draws(batch.samples)] if lesson.is_random else []
        shares: list[Array] = []
        if lesson.is_penalized and plan is lesson.plan:
            shares = [np.full((batch.samples, 1), 1.0 / batch.samples, np.float32)]
        result = plan.run([*batch.inputs, *draws, *feeds, *shares], self._version, updates)
        if result.loss is None:
            # The model's own error says which id of which layer it was.
            self._model.predict_on_batch(batch.inputs if len(batch.inputs) > 1 else batch.inputs[0])
            raise ValueError(f"Model '{self._model.name}' received a label or id out of range.")
        return result

    def _draws(self, images: int) -> Array:
        """Give what random numbers follow from: place in the batch, step, and seed of the run."""
        seed = getattr(self._model, "fit_seed", None)
        if seed is None:
            seed = self._seed = draw_seed() if self._seed is None else self._seed
        counters = np.empty((images, 3), np.uint32)
        counters[:, 0] = np.arange(images)
        # Not `iterations`, which count accumulated gradients once.
        counters[:, 1] = int(self._optimizer.variables[0]) % 2**32
        counters[:, 2] = seed % 2**32
        return counters

    def _lesson(self, batch: Batch, predicts: bool) -> Lesson:
        """Find or make the plans for inputs of these shapes."""
        key = (tuple(array.shape[1:] for array in batch.inputs), predicts)
        lesson = self._plans.get(key)
        if lesson is None:
            lesson = self._plans[key] = self._made(key[0], predicts)
        return lesson

    def _made(self, shapes: tuple[tuple[int, ...], ...], predicts: bool) -> Lesson:
        lowered = lower_model(self._model, shapes, training=True)
        if lowered.folded:
            self._folded = lowered.folded
            self._frozen = self._versions_of_frozen()
        # Where a layer both moves its averages and has a call with training=False.
        self._refolds = not set(lowered.folded).isdisjoint(lowered.graph.moved)
        heads = [
            head_of(loss, activation)
            for loss, activation in zip(self._losses, lowered.activations, strict=True)
        ]
        forward = None
        weights = self._parameters, self._moving
        penalized, ends = lowered.regularizers, heads
        # With NumPy, all of them as soon as one is.
        if penalized or any(head is not None and head.kind is None for head in heads):
            heads = [None if head is None else Head(None) for head in heads]
            ends = [*heads, *(Head(None) for _ in penalized)]
            bare = lower_model(self._model, shapes, training=True).graph
            nothing = [None] * len(ends)
            del bare.outputs[len(ends) :]
            forward = TrainingPlan(bare, nothing, *weights, True, trains=False)
            predicts = False
        plan = TrainingPlan(lowered.graph, ends, *weights, predicts, penalties=lowered.penalties)
        if not self._plans:
            self._find_unused(plan)
        for offset in plan.tables.offsets:
            self._update_rows(offset)
        return Lesson(
            plan, forward, heads, lowered.output_shapes, lowered.is_random,
            bool(lowered.penalties), penalized,
        )  # fmt: skip

    def _update_rows(self, offset: int) -> None:
        """Let only those rows of a table be updated that need it, where that is possible."""
        parameters = self._parameters
        variable = parameters.at(offset)
        if variable.constraint is None and variable.size >= LARGE_TABLE:
            rows = self._updates.rows(parameters.offsets.index(offset))
            if rows is not None:
                parameters.update_rows(offset, rows)


class Lesson(NamedTuple):
    """Plans for inputs of certain shapes.

    Attributes:
        plan: forward and backward.
        forward: forward alone, where NumPy computes losses in between; else None.
        heads: of the plan, one for each output.
        shapes: of the outputs, without the batch axis.
        is_random: whether layers draw random numbers.
        is_penalized: whether the plan computes penalties on outputs of layers.
        regularizers: penalties that NumPy computes, on what `forward` gives behind predictions.
    """

    plan: TrainingPlan
    forward: TrainingPlan | None
    heads: list[Head | None]
    shapes: list[tuple[int, ...]]
    is_random: bool
    is_penalized: bool
    regularizers: list[Any]
