"""What all optimizers share: settings, the learning rate, state, and one step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from cnnfast import arguments
from cnnfast.names import to_snake_case, unique_name
from cnnfast.ops.geometry import is_integer, received
from cnnfast.optimizers import learning_rates, schedules
from cnnfast.optimizers.memory import OptimizerState
from cnnfast.optimizers.steps import Floats, Steps
from cnnfast.serialization import Config, Configurable, encode_value
from cnnfast.state import StateVariable
from cnnfast.threads import thread_count

Numbers = tuple[Any, ...]

# What Keras 2 wrote into files and nothing here depends on.
DROPPED = ("jit_compile", "is_legacy_optimizer")


class Optimizer(OptimizerState, Configurable):
    """Base class of optimizers.

    A step: gradients are divided by the loss scale and clipped, weights decay, the rule moves
    them, their moving average follows. Constraints come after that and are the caller's.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        weight_decay: weights shrink by this share of the learning rate, in each step.
        clipnorm: largest norm of each gradient.
        clipvalue: largest absolute value of each element of a gradient.
        global_clipnorm: largest norm of all gradients together.
        use_ema: whether a moving average of the weights is kept, which replaces them at the end.
        ema_momentum: share of the average that is kept in a step, 0 to 1.
        ema_overwrite_frequency: weights become their average every so many steps.
        loss_scale_factor: what the loss was multiplied by.
        gradient_accumulation_steps: weights move every so many steps, by the mean gradient.
        name: by default made from the class name.
        decay: Keras 1's and 2's: the learning rate is lr / (1 + decay * iterations).
        lr: Keras 1's and 2's name of the learning rate.

    Raises:
        ValueError: an argument has a wrong value.
    """

    common_fields: ClassVar[tuple[str, ...]] = (
        "weight_decay",
        "clipnorm",
        "global_clipnorm",
        "clipvalue",
        "use_ema",
        "ema_momentum",
        "ema_overwrite_frequency",
        "loss_scale_factor",
        "gradient_accumulation_steps",
    )

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        decay: float | None = 0.0,
        lr: float | None = None,
    ) -> None:
        owner = type(self).__name__
        self.name = unique_name(to_snake_case(owner)) if name is None else name
        self.weight_decay = _optional(weight_decay, "weight_decay", owner)
        self.clipnorm = _optional(clipnorm, "clipnorm", owner)
        self.clipvalue = _optional(clipvalue, "clipvalue", owner)
        self.global_clipnorm = _optional(global_clipnorm, "global_clipnorm", owner)
        if sum(limit is not None for limit in (clipnorm, clipvalue, global_clipnorm)) > 1:
            raise ValueError(
                f"{owner}: only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. "
                f"Received: clipnorm={clipnorm}, clipvalue={clipvalue}, "
                f"global_clipnorm={global_clipnorm}"
            )
        self.use_ema = bool(use_ema)
        self.ema_momentum = arguments.number(ema_momentum, "ema_momentum", owner, least=0)
        if self.ema_momentum > 1:
            raise received(owner, "`ema_momentum` must be at most 1", "ema_momentum", ema_momentum)
        self.ema_overwrite_frequency = _count(
            ema_overwrite_frequency, "ema_overwrite_frequency", owner, 1
        )
        self.loss_scale_factor = _optional(loss_scale_factor, "loss_scale_factor", owner)
        self.gradient_accumulation_steps = _count(
            gradient_accumulation_steps, "gradient_accumulation_steps", owner, 2
        )
        self.decay = arguments.number(decay or 0.0, "decay", owner, least=0)
        self._iterations = StateVariable(0, "iteration", self.name, np.int64)
        self._rate = learning_rates.parse(learning_rate if lr is None else lr, owner, self.name)
        super().__init__()

    # ------------------------------------------------------------- what a subclass says of itself

    @property
    def rule(self) -> str:
        """Name of the update kernel."""
        raise NotImplementedError

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the numbers of one step in the order that the rule takes them in.

        Args:
            learning_rate: of this step.
            step: 1 for the first.
        """
        raise NotImplementedError

    @property
    def idles(self) -> bool:
        """Whether what steps do to weights without a gradient can be made up for, to the bit.

        So it is where they do nothing, or the rule has a `REPLAY` in kernels.inc.
        """
        return False

    @property
    def is_plain(self) -> bool:
        """Whether a step does nothing to a weight but what its rule makes of its gradient."""
        return not (
            self.weight_decay
            or self.use_ema
            or self.gradient_accumulation_steps
            or self.clipnorm
            or self.global_clipnorm
            or self.loss_scale_factor
        )

    # -------------------------------------------------------------------------- learning rate

    @property
    def iterations(self) -> Any:
        """The number of steps so far; accumulated gradients count once."""
        if self.gradient_accumulation_steps:
            return int(self._iterations) // self.gradient_accumulation_steps
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The learning rate: a variable, or the schedule's present value."""
        return learning_rates.present(self._rate, int(self._iterations))

    @learning_rate.setter
    def learning_rate(self, learning_rate: Any) -> None:
        self._rate = learning_rates.replaced(self._rate, learning_rate, type(self).__name__)

    lr = learning_rate

    def step_size(self) -> np.float32:
        """Return the learning rate of the next step, with the decay of Keras 1 and 2."""
        rate = np.float32(float(self.learning_rate))
        if not self.decay:
            return rate
        one = np.float32(1.0)
        return rate * (one / (one + np.float32(self.decay) * np.float32(self._iterations)))

    # ----------------------------------------------------------------------------------- steps

    def prepare(self, weights: Sequence[Floats], gradients: Sequence[Floats | None]) -> Steps:
        """Bind arrays, to do step after step with them.

        Args:
            weights: float32, contiguous, changed in place; in the order of `build`.
            gradients: as many arrays of the same shapes; None for a weight that stays as it is.

        Returns:
            What does the steps.

        Raises:
            ValueError: the optimizer is not built, or the arrays do not fit it.
        """
        if not self.built:
            raise ValueError(f"Optimizer '{self.name}' must be built first.")
        return Steps(self, weights, gradients, self._shapes, self._decays)

    def apply(self, gradients: Sequence[Any], trainable_variables: Sequence[Any]) -> None:
        """Do one step.

        Args:
            gradients: arrays, or None for a weight that stays as it is.
            trainable_variables: float32 arrays, changed in place, or variables, whose
                constraints are applied.

        Raises:
            ValueError: the arrays do not fit the optimizer, or there is no gradient at all.
        """
        self.build(trainable_variables)
        plain = [isinstance(variable, np.ndarray) for variable in trainable_variables]
        weights = [
            variable if is_plain else np.array(variable.value)
            for variable, is_plain in zip(trainable_variables, plain, strict=True)
        ]
        arrays = [None if g is None else np.ascontiguousarray(g, np.float32) for g in gradients]
        self.prepare(weights, arrays).run(thread_count())
        for variable, is_plain, weight in zip(trainable_variables, plain, weights, strict=True):
            if not is_plain:
                constraint: Callable[[Any], Any] | None = getattr(variable, "constraint", None)
                variable.assign(weight if constraint is None else constraint(weight))

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Any]]) -> Any:
        """Do one step.

        Args:
            grads_and_vars: pairs of a gradient and its weight; see `apply`.

        Returns:
            The number of steps so far.
        """
        gradients, variables = zip(*grads_and_vars, strict=True)
        self.apply(gradients, variables)
        return self._iterations

    def finalize_variable_values(self, var_list: Sequence[Any]) -> None:
        """Replace weights by their moving averages, if those are kept: the end of training.

        Args:
            var_list: arrays or variables, in the order of `build`.
        """
        for variable, average in zip(var_list, self.averages, strict=bool(self.averages)):
            if isinstance(variable, np.ndarray):
                variable[...] = average.value
            else:
                variable.assign(average.value)

    # --------------------------------------------------------------------------- configuration

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        config: Config = {"name": self.name, "learning_rate": learning_rates.describe(self._rate)}
        for field in (*self.common_fields, *self.fields):
            config[field] = encode_value(getattr(self, field))
        return config | ({"decay": self.decay} if self.decay else {})

    @classmethod
    def from_config(
        cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Self:
        """Build the optimizer that `get_config`, or any Keras, described.

        Args:
            config: the constructor's arguments by name.
            custom_objects: further classes and functions of the caller, by name.

        Returns:
            A new optimizer.
        """
        settings = {name: value for name, value in config.items() if name not in DROPPED}
        rate = settings.get("learning_rate")
        if isinstance(rate, Mapping):
            settings["learning_rate"] = schedules.deserialize(rate, custom_objects)
        return cls(**settings)


def epsilon_of(value: float | None, owner: str) -> float:
    """Check an epsilon; None stands for 1e-7, as in Keras 2."""
    return 1e-7 if value is None else arguments.number(value, "epsilon", owner, least=0)


def _optional(value: float | None, name: str, owner: str) -> float | None:
    return None if value is None else arguments.number(value, name, owner)


def _count(value: int | None, name: str, owner: str, least: int) -> int | None:
    if value is None or (is_integer(value) and value >= least):
        return value
    raise received(owner, f"`{name}` must be an integer >= {least}, or None", name, value)
