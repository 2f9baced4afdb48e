"""What a model was compiled with."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from cnnfast import losses, optimizers
from cnnfast.engine.structure import flatten
from cnnfast.engine.variable import Variable
from cnnfast.losses import Loss
from cnnfast.models.model import Model
from cnnfast.training.batch import Batch
from cnnfast.training.evaluation import Evaluation
from cnnfast.training.metrics import Metrics, check_metrics, spread_metrics
from cnnfast.training.outputs import output_names
from cnnfast.training.sources import Source
from cnnfast.training.step import Outcome, Step


class Setup:
    """The arguments of `compile`, made into objects.

    Args:
        model: that is compiled.
        optimizer: a name, config or object.
        loss: one for all outputs, or a list or dict of them; None for an output that trains
            nothing.
        loss_weights: a factor for each loss, a list or dict.
        metrics: a list of them, for several outputs a list of lists or a dict.
        weighted_metrics: likewise, of metrics that heed the samples' weights.

    Attributes:
        turn: held by the Python thread that takes a step, or counts what came of its batch.

    Raises:
        ValueError: something has an unknown name, or does not fit the model's outputs.
    """

    def __init__(
        self,
        model: Model,
        optimizer: Any,
        loss: Any,
        loss_weights: Any,
        metrics: Any,
        weighted_metrics: Any,
    ) -> None:
        self.model = model
        self.turn = threading.RLock()
        found = optimizers.get(optimizer)
        if found is None:
            raise ValueError("`compile` needs an optimizer. Received: optimizer=None")
        self.optimizer = found
        for one in flatten(loss) if is_structure(loss) else [loss]:
            losses.get(one)
        self.given = {
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
        }
        check_metrics(metrics)
        check_metrics(weighted_metrics)
        self._losses: list[Loss | None] | None = None
        self._metrics: Metrics | None = None
        self._step: Step | None = None
        self._evaluation: Evaluation | None = None
        self._weights: list[Variable] = []
        self._has_warned = False

    @property
    def losses(self) -> list[Loss | None]:
        """A loss for each output."""
        if self._losses is None:
            given = self.given["loss"]
            spread = per_output(self.model, given, "loss", shared=True)
            self._losses = [None if one is None else losses.as_loss(one) for one in spread]
        return self._losses

    @property
    def loss_weights(self) -> list[float]:
        """A factor for each loss."""
        weights = self.given["loss_weights"]
        spread = per_output(self.model, weights, "loss_weights", shared=False)
        try:
            return [1.0 if weight is None else float(weight) for weight in spread]
        except (TypeError, ValueError):
            raise ValueError(
                f"`loss_weights` must be numbers. Received: loss_weights={weights!r}"
            ) from None

    @property
    def step(self) -> Step:
        """What trains the model.

        Raises:
            ValueError: the model was compiled without a loss, or has other layers than it had.
        """
        if self._step is None:
            self._check_losses()
            self._step = Step(self.model, self.optimizer, self.losses, self.loss_weights)
            self._weights = self.model.weights
        elif self._step.is_outdated():
            self._check_weights()
        return self._step

    def _check_weights(self) -> None:
        """As in Keras, what trains is settled when training begins, until the next `compile`."""
        if self._weights != self.model.weights:
            raise ValueError(
                f"Model '{self.model.name}' has other weights than when its training began. "
                "Call `compile` again."
            )
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"Layers or weights of model '{self.model.name}' were frozen or set free since its "
                "training began. Call `compile` again for that to have an effect.",
                stacklevel=2,
            )

    def replace_optimizer(self, optimizer: Any) -> None:
        """Train with another optimizer from now on.

        Args:
            optimizer: a name, config or object.

        Raises:
            ValueError: there is no such optimizer.
        """
        found = optimizers.get(optimizer)
        if found is None:
            raise ValueError("Training needs an optimizer. Received: optimizer=None")
        self.optimizer, self._step = found, None

    def check(self, *sources: Source | None) -> None:
        """Build the optimizer, and look at data before a step is made of any.

        Args:
            sources: of batches; None for none.

        Raises:
            ValueError: targets do not fit the outputs, or a label is no class.
        """
        if not self.model.built:
            return
        for source in sources:
            overview = None if source is None else source.overview()
            if overview is not None:
                with self.turn:
                    self.step.check(overview, bool(self.metrics))

    def train(self, batch: Batch) -> Outcome:
        """Do one step, the first one only if all metrics can be computed of what it gives.

        Args:
            batch: not empty.

        Raises:
            ValueError: targets do not fit a loss or a metric; the weights are as before.

        Threads: steps of several Python threads take turns.
        """
        with self.turn:
            if self.metrics.is_new:
                self.step.check(batch, predicts=True)
                self.metrics.rehearse(batch, self.step.output_shapes(batch))
            return self.step.train(batch, bool(self.metrics))

    @property
    def evaluation(self) -> Evaluation:
        """What computes losses without a step."""
        if self._evaluation is None:
            self._check_losses()
            self._evaluation = Evaluation(self.model, self.losses, self.loss_weights)
        return self._evaluation

    @property
    def metrics(self) -> Metrics:
        """What is measured beside the loss."""
        if self._metrics is None:
            names = output_names(self.model)
            plain, weighted = (
                spread_metrics(self.given[key], names) for key in ("metrics", "weighted_metrics")
            )
            self._metrics = Metrics(names, plain, weighted)
        return self._metrics

    def _check_losses(self) -> None:
        if not any(loss is not None for loss in self.losses):
            raise ValueError(
                f"Model '{self.model.name}' was compiled without a loss. Give `compile` one."
            )

    def finish(self) -> None:
        """Let weights become their averages, if the optimizer keeps any: the end of training."""
        # Before the first step there is no average.
        if self.optimizer.use_ema and int(self.optimizer.iterations):
            self.optimizer.finalize_variable_values(self.model.trainable_weights)

    @property
    def names(self) -> list[str]:
        """What `evaluate` returns, in Keras's order."""
        measured = self.metrics.names
        if len(output_names(self.model)) == 1:
            return ["loss", *measured]
        parts, structure = self.part_names, getattr(self.model, "output", None)
        if isinstance(structure, Mapping):
            # Losses come in the order in which the model was given its outputs.
            parts = [f"{key}_loss" for key in structure if f"{key}_loss" in parts]
        return ["loss", *parts, *sorted(measured)]

    @cached_property
    def part_names(self) -> list[str]:
        """The name of each output's loss, if there are several."""
        names = output_names(self.model)
        found = [
            f"{name}_loss"
            for name, loss in zip(names, self.losses, strict=True)
            if loss is not None
        ]
        return found if len(found) > 1 else []


def per_output(model: Model, given: Any, name: str, shared: bool) -> list[Any]:
    """Spread an argument over the outputs of a model.

    Args:
        model: with known outputs.
        given: one thing, a list or tuple with one for each output, or a dict by output names.
        name: of the argument, for errors.
        shared: whether one thing stands for all outputs.

    Raises:
        ValueError: the number or a name does not fit.
    """
    names = output_names(model)
    if isinstance(given, Mapping) and is_structure(given):
        unknown = [key for key in given if key not in names]
        if unknown:
            raise ValueError(
                f"`{name}` names outputs that model '{model.name}' does not have: {unknown}. "
                f"Its outputs are: {names}"
            )
        return [given.get(key) for key in names]
    if isinstance(given, list | tuple):
        flat = flatten(list(given))
        if len(flat) != len(names):
            raise ValueError(
                f"`{name}` must have one entry for each of the {len(names)} outputs of model "
                f"'{model.name}', {names}. Received {len(flat)}: {given}"
            )
        return flat
    if given is None or shared or len(names) == 1:
        return [given] * len(names)
    raise ValueError(
        f"`{name}` must be a list or dict for the {len(names)} outputs of model '{model.name}'. "
        f"Received: {given!r}"
    )


def is_structure(given: Any) -> bool:
    """Tell a list, or a dict by output names, from one thing, which a config is too.

    Args:
        given: an argument of `compile`.
    """
    is_config = isinstance(given, Mapping) and "class_name" in given
    return isinstance(given, list | tuple | Mapping) and not is_config
