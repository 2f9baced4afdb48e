"""Adam and its kin: steps from running means of gradients and of their squares."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from cnnfast import arguments
from cnnfast.optimizers.memory import Groups
from cnnfast.optimizers.optimizer import Numbers, Optimizer, epsilon_of

ONE = np.float32(1.0)


class _Moments(Optimizer):
    """What Adam, Adamax and Nadam share: two rates of forgetting and an epsilon."""

    fields: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, **options)
        owner = type(self).__name__
        self.beta_1 = arguments.number(beta_1, "beta_1", owner)
        self.beta_2 = arguments.number(beta_2, "beta_2", owner)
        self.epsilon = epsilon_of(epsilon, owner)

    def slots(self) -> Groups:
        """Keep the means of gradients and of their squares."""
        return ((("momentum", 0.0), ("velocity", 0.0)),)


class Adam(_Moments):
    """Adam: the mean gradient over the root of the mean square.

    m = m + (1 - beta_1) * (g - m);  v = v + (1 - beta_2) * (g^2 - v)
    w = w - lr * sqrt(1 - beta_2^t) / (1 - beta_1^t) * m / (sqrt(v) + epsilon)
    amsgrad:  the largest v so far in place of v

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: share of the mean gradient that is kept.
        beta_2: share of the mean square that is kept.
        epsilon: added to the root, which is not corrected for its bias; None stands for 1e-7.
        amsgrad: whether the largest mean square so far is used.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.

    Source: Kingma and Ba (2014), arXiv:1412.6980, the variant before section 2.1.
    """

    fields: ClassVar[tuple[str, ...]] = (*_Moments.fields, "amsgrad")

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = amsgrad

    @property
    def rule(self) -> str:
        """Name of the update kernel."""
        return "amsgrad" if self.amsgrad else "adam"

    def slots(self) -> Groups:
        """Keep both means, and the largest mean square where it is used."""
        return super().slots() + (((("velocity_hat", 0.0),),) if self.amsgrad else ())

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the kernel's numbers; the means' bias is corrected in the learning rate."""
        rate = learning_rate * np.sqrt(ONE - power(self.beta_2, step))
        rate = rate / (ONE - power(self.beta_1, step))
        return rate, 1.0 - self.beta_1, 1.0 - self.beta_2, self.epsilon


class AdamW(Adam):
    """Adam with weights that decay by themselves: w = w - weight_decay * lr * w.

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        weight_decay: rate of decay.
        beta_1: share of the mean gradient that is kept.
        beta_2: share of the mean square that is kept.
        epsilon: added to the root; None stands for 1e-7.
        amsgrad: whether the largest mean square so far is used.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.

    Source: Loshchilov and Hutter (2017), arXiv:1711.05101.
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float | None = 1e-7,
        amsgrad: bool = False,
        **options: Any,
    ) -> None:
        decay = arguments.number(weight_decay, "weight_decay", "AdamW")
        options["weight_decay"] = decay
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, **options)


class Adamax(_Moments):
    """Adam with the largest recent gradient in place of the root of the mean square.

    m = m + (1 - beta_1) * (g - m);  u = max(beta_2 * u, |g|)
    w = w - lr * m / ((1 - beta_1^t) * (u + epsilon))

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: share of the mean gradient that is kept.
        beta_2: share of the largest gradient that is kept.
        epsilon: keeps the divisor from zero; None stands for 1e-7.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.

    Source: Kingma and Ba (2014), arXiv:1412.6980, section 7.1.
    """

    rule = "adamax"

    def slots(self) -> Groups:
        """Keep the mean gradient and the largest one."""
        return ((("momentum", 0.0), ("norm", 0.0)),)

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the kernel's numbers."""
        correction = ONE - power(self.beta_1, step)
        return learning_rate, 1.0 - self.beta_1, self.beta_2, self.epsilon, correction


class Nadam(_Moments):
    """Adam with Nesterov's momentum, which grows: u_t = beta_1 * (1 - 0.5 * 0.96^t).

    m = m + (1 - beta_1) * (g - m);  v = v + (1 - beta_2) * (g^2 - v)
    m' = u_(t+1) * m / (1 - U_(t+1)) + (1 - u_t) * g / (1 - U_t), U_t = u_1 * ... * u_t
    w = w - lr * m' / (sqrt(v / (1 - beta_2^t)) + epsilon)

    Args:
        learning_rate: a number, a schedule, or a function without arguments.
        beta_1: share of the mean gradient that is kept.
        beta_2: share of the mean square that is kept.
        epsilon: keeps the divisor from zero; None stands for 1e-7.
        options: what all optimizers take; see `Optimizer`.

    Raises:
        ValueError: an argument has a wrong value.

    Source: Dozat (2015), "Incorporating Nesterov Momentum into Adam".
    """

    rule = "nadam"

    def scalars(self) -> tuple[tuple[str, float], ...]:
        """Keep the product of all momenta."""
        return (("variable", 1.0),)

    def numbers(self, learning_rate: np.float32, step: int) -> Numbers:
        """Give the kernel's numbers, and take this step's momentum into the product."""
        beta_1, beta_2 = np.float32(self.beta_1), np.float32(self.beta_2)
        half, rate = np.float32(0.5), 0.96
        product = self.scalar_values[0]
        grown = ONE - half * power(rate, step)
        product.assign(product.value * beta_1 * grown)
        now = beta_1 * grown
        ahead = beta_1 * (ONE - half * power(rate, step + 1))
        so_far = np.float32(product)
        return (
            learning_rate,
            ONE - beta_1,
            ONE - beta_2,
            self.epsilon,
            ahead,
            ONE - so_far * ahead,
            ONE - now,
            ONE - so_far,
            ONE - power(self.beta_2, step),
        )


def power(base: float, exponent: int) -> np.float32:
    """Raise a float32 number to an integer power, rounded once."""
    return np.float32(float(np.float32(base)) ** exponent)
