"""Steps that are scaled by the gradients each weight has seen."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from cnnfast import arguments
from cnnfast.optimizers.memory import Groups
from cnnfast.optimizers.optimizer import Numbers, Optimizer, epsilon_of


class RMSprop(Optimizer):
    """Gradients over the root of their mean square.

    v = rho * v + (1 - rho) * g^2;  w = w - lr * g / sqrt(v + epsilon)
    centered:  a = rho * a + (1 - rho) * g, and v - a^2 in place of v in the step
    momentum:  m = momentum * m + step;  w = w - m

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        rho: share of the mean that is kept.
        momentum: share of the last step that is kept.
        epsilon: keeps the root from zero; None stands for 1e-7.
        centered: whether the mean gradient is taken off.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float | None = 1e-7,
        centered: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = arguments.number(rho, "rho", "RMSprop")
        self.momentum = arguments.number(momentum, "momentum", "RMSprop", least=0)
        self.epsilon = epsilon_of(epsilon, "RMSprop")
        self.centered = centered

    @property
    def rule(self) -> str:
        """Name of the update kernel."""
        centered = "_centered" if self.centered else ""
        return f"rmsprop{centered}{'_momentum' if self.momentum else ''}"

    def slots(self) -> Groups:
        """Keep the mean square, and the last step and the mean where they are used."""
        names = ["velocity"]
        names += ["momentum"] * bool(self.momentum) + ["average_gradient"] * bool(self.centered)
        return tuple(((name, 0.0),) for name in names)

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the kernel's numbers."""
        return learning_rate, self.rho, 1.0 - self.rho, self.epsilon, self.momentum

    @property
    def idles(self) -> bool:
        """Without a gradient the mean shrinks; weights stay, as long as the root is not zero."""
        shrinks = 0 < np.float32(self.rho) <= 1 and np.float32(self.epsilon) > 0
        return self.rule == "rmsprop" and bool(shrinks) and self.is_plain


class Adagrad(Optimizer):
    """Gradients over the root of the sum of their squares.

    a = a + g^2;  w = w - lr * g / sqrt(a + epsilon)

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        initial_accumulator_value: where the sums begin, >= 0.
        epsilon: keeps the root from zero; None stands for 1e-7.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = ("initial_accumulator_value", "epsilon")
    rule = "adagrad"

    def __init__(
        self,
        learning_rate: Any = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float | None = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = arguments.number(
            initial_accumulator_value, "initial_accumulator_value", "Adagrad", least=0
        )
        self.epsilon = epsilon_of(epsilon, "Adagrad")

    def slots(self) -> Groups:
        """Keep the sum of squares."""
        return ((("accumulator", self.initial_accumulator_value),),)

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the kernel's numbers."""
        return learning_rate, self.epsilon

    @property
    def idles(self) -> bool:
        """Without a gradient nothing changes, as long as the root is not zero."""
        return bool(np.float32(self.epsilon) > 0) and self.is_plain


class Adadelta(Optimizer):
    """Steps as large as past steps were, relative to the gradients.

    a = rho * a + (1 - rho) * g^2;  step = sqrt(d + epsilon) / sqrt(a + epsilon) * g
    d = rho * d + (1 - rho) * step^2;  w = w - lr * step

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        rho: share of the means that is kept.
        epsilon: keeps the roots from zero; None stands for 1e-7.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = ("rho", "epsilon")
    rule = "adadelta"

    def __init__(
        self,
        learning_rate: Any = 0.001,
        rho: float = 0.95,
        epsilon: float | None = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.rho = arguments.number(rho, "rho", "Adadelta")
        self.epsilon = epsilon_of(epsilon, "Adadelta")

    def slots(self) -> Groups:
        """Keep the mean squares of gradients and steps."""
        return ((("accumulated_grad", 0.0), ("accumulated_delta_var", 0.0)),)

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the kernel's numbers."""
        return learning_rate, self.rho, 1.0 - self.rho, self.epsilon


class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights through an L1 penalty.

    a' = a + g^2
    z = z + g + 2 * l2_shrinkage * w - (a'^-power - a^-power) / lr * w
    w = (clip(z, -l1, l1) - z) / (a'^-power / lr + 2 * l2 + beta / lr)

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        learning_rate_power: power of the accumulator, <= 0.
        initial_accumulator_value: where the sums of squares begin, >= 0.
        l1_regularization_strength: >= 0.
        l2_regularization_strength: >= 0.
        l2_shrinkage_regularization_strength: >= 0.
        beta: part of the denominator that does not grow.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.

    Source: McMahan et al. (2013), "Ad Click Prediction: a View from the Trenches".
    """

    fields: ClassVar[tuple[str, ...]] = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )

    def __init__(
        self,
        learning_rate: Any = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.learning_rate_power = -arguments.number(
            -learning_rate_power, "learning_rate_power", "Ftrl, negated", least=0
        )
        strengths = {
            "initial_accumulator_value": initial_accumulator_value,
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }
        for name, value in strengths.items():
            setattr(self, name, arguments.number(value, name, "Ftrl", least=0))
        self.beta = arguments.number(beta, "beta", "Ftrl")

    @property
    def rule(self) -> str:
        """Name of the update kernel: a root is faster than any other power."""
        return "ftrl" if self.learning_rate_power == -0.5 else "ftrl_power"

    def slots(self) -> Groups:
        """Keep the sum of squares and the linear term."""
        initial: float = getattr(self, "initial_accumulator_value")  # noqa: B009
        return ((("accumulator", initial), ("linear", 0.0)),)

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the kernel's numbers."""
        options = self.get_config()
        l2 = np.float32(options["l2_regularization_strength"])
        l2 = l2 + np.float32(self.beta) / (np.float32(2.0) * learning_rate)
        return (
            learning_rate,
            options["l1_regularization_strength"],
            np.float32(2.0) * l2,
            2.0 * options["l2_shrinkage_regularization_strength"],
            -self.learning_rate_power,
        )
