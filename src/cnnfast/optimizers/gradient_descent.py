"""Steps along the gradient, or along its sign."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from cnnfast import arguments
from cnnfast.optimizers.memory import Groups
from cnnfast.optimizers.optimizer import Numbers, Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum.

    v = momentum * v - lr * g;  w = w + v, with nesterov w = w + momentum * v - lr * g

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        momentum: share of the last step that is kept, 0 to 1.
        nesterov: whether the momentum is applied once more, ahead.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.
    """

    fields: ClassVar[tuple[str, ...]] = ("momentum", "nesterov")

    def __init__(
        self,
        learning_rate: Any = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.momentum = arguments.number(momentum, "momentum", "SGD", least=0)
        if self.momentum > 1:
            raise ValueError(f"SGD: `momentum` must be between 0 and 1. Received: {momentum!r}.")
        self.nesterov = nesterov

    @property
    def rule(self) -> str:
        """Name of the update kernel."""
        if not self.momentum:
            return "sgd"
        return "nesterov" if self.nesterov else "momentum"

    def slots(self) -> Groups:
        """Keep the last step, if there is momentum."""
        return ((("momentum", 0.0),),) if self.momentum else ()

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the kernel's numbers."""
        return learning_rate, self.momentum

    @property
    def idles(self) -> bool:
        """Without a gradient weights rest, or go on as they went, whatever the learning rate."""
        return self.is_plain


class Lion(Optimizer):
    """Steps of one size along the sign of a mean gradient.

    w = w - lr * sign(beta_1 * m + (1 - beta_1) * g);  m = beta_2 * m + (1 - beta_2) * g

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: share of the momentum in the step, above 0 and up to 1.
        beta_2: share of the momentum that is kept.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.

    Source: Chen et al. (2023), "Symbolic Discovery of Optimization Algorithms".
    """

    fields: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2")
    rule = "lion"

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        self.beta_1 = arguments.number(beta_1, "beta_1", "Lion", above=0)
        self.beta_2 = arguments.number(beta_2, "beta_2", "Lion")
        if self.beta_1 > 1:
            raise ValueError(f"Lion: `beta_1` must be at most 1. Received: {beta_1!r}.")

    def slots(self) -> Groups:
        """Keep the mean gradient."""
        return ((("momentum", 0.0),),)

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the kernel's numbers."""
        beta_1, beta_2 = np.float32(self.beta_1), np.float32(self.beta_2)
        one = np.float32(1.0)
        return learning_rate, beta_1, one - beta_1, beta_2, one - beta_2
