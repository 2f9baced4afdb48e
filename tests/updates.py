"""Twins of the update kernels: the operations of each rule one after the other.

They compute in the precision of their arguments: in float32 every operation is rounded as Keras
and the kernels round it, in float64 they show how far that is from the truth.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Array = np.ndarray
Update = Callable[..., tuple[Array, ...]]

# How many numbers each rule reads, most of all.
NUMBERS = 9


def sgd(w, g, rate, *_):
    return (w - g * rate,)


def momentum(w, g, m, rate, kept, *_):
    m = m * kept - g * rate
    return w + m, m


def nesterov(w, g, m, rate, kept, *_):
    m = m * kept - g * rate
    return w + (m * kept - g * rate), m


def lion(w, g, m, rate, b1, rest1, b2, rest2, *_):
    step = rate * np.sign(m * b1 + g * rest1)
    return w - step, m * b2 + g * rest2


def rmsprop(w, g, v, rate, rho, rest, epsilon, *_):
    v = rho * v + rest * (g * g)
    return w - rate * g / np.sqrt(v + epsilon), v


def rmsprop_momentum(w, g, v, m, rate, rho, rest, epsilon, kept, *_):
    v = rho * v + rest * (g * g)
    m = kept * m + rate * g / np.sqrt(v + epsilon)
    return w - m, v, m


def rmsprop_centered(w, g, v, a, rate, rho, rest, epsilon, *_):
    v, a = rho * v + rest * (g * g), rho * a + rest * g
    return w - rate * g / np.sqrt(v - a * a + epsilon), v, a


def rmsprop_centered_momentum(w, g, v, m, a, rate, rho, rest, epsilon, kept, *_):
    v, a = rho * v + rest * (g * g), rho * a + rest * g
    m = kept * m + rate * g / np.sqrt(v - a * a + epsilon)
    return w - m, v, m, a


def adagrad(w, g, a, rate, epsilon, *_):
    a = a + g * g
    return w - rate * g / np.sqrt(a + epsilon), a


def adadelta(w, g, a, d, rate, rho, rest, epsilon, *_):
    a = rho * a + rest * (g * g)
    step = -(np.sqrt(d + epsilon) * g / np.sqrt(a + epsilon))
    return w + rate * step, a, rho * d + rest * (step * step)


def adam(w, g, m, v, rate, rest1, rest2, epsilon, *_):
    m, v = m + (g - m) * rest1, v + (g * g - v) * rest2
    return w - m * rate / (np.sqrt(v) + epsilon), m, v


def amsgrad(w, g, m, v, largest, rate, rest1, rest2, epsilon, *_):
    m, v = m + (g - m) * rest1, v + (g * g - v) * rest2
    largest = np.maximum(largest, v)
    return w - m * rate / (np.sqrt(largest) + epsilon), m, v, largest


def adamax(w, g, m, u, rate, rest1, b2, epsilon, correction, *_):
    m, u = m + (g - m) * rest1, np.maximum(b2 * u, np.abs(g))
    return w - rate * m / (correction * (u + epsilon)), m, u


def nadam(w, g, m, v, rate, rest1, rest2, epsilon, ahead, rest_ahead, now, rest_now, correction):
    m, v = m + (g - m) * rest1, v + (g * g - v) * rest2
    mean = ahead * m / rest_ahead + now * g / rest_now
    return w - mean * rate / (np.sqrt(v / correction) + epsilon), m, v


def ftrl(w, g, a, z, rate, l1, l2, shrinkage, *_):
    return _ftrl(w, g, a, z, rate, l1, l2, shrinkage, np.sqrt)


def ftrl_power(w, g, a, z, rate, l1, l2, shrinkage, power, *_):
    return _ftrl(w, g, a, z, rate, l1, l2, shrinkage, lambda x: np.power(x, power))


def _ftrl(w, g, a, z, rate, l1, l2, shrinkage, root):
    grown = a + g * g
    z = z + (g + shrinkage * w - (root(grown) - root(a)) / rate * w)
    return (np.clip(z, -l1, l1) - z) / (root(grown) / rate + l2), grown, z


def decay(w, g, rate, learning_rate, *_):
    return (w - w * rate * learning_rate,)


def average(w, g, mean, kept, share, *_):
    return w, kept * mean + share * w


RULES: dict[str, Update] = {
    function.__name__: function
    for function in (
        *(sgd, momentum, nesterov, lion, rmsprop, rmsprop_momentum, rmsprop_centered),
        *(rmsprop_centered_momentum, adagrad, adadelta, adam, amsgrad, adamax, nadam),
        *(ftrl, ftrl_power, decay, average),
    )
}
STATES = {name: rule.__code__.co_varnames.index(first) - 2 for name, rule, first in (
    (name, rule, "kept" if name == "average" else "rate") for name, rule in RULES.items()
)}  # fmt: skip
# Only this one is not made of operations that are rounded to the bit.
INEXACT = "ftrl_power"


def arguments(name: str, size: int, seed: int = 0) -> tuple[Array, list[Array]]:
    """Draw the numbers of a rule, and weights, gradient and states."""
    random = np.random.default_rng([seed, size, len(name)])
    numbers = random.uniform(0.05, 0.95, NUMBERS).astype(np.float32)
    arrays = [random.standard_normal(size, dtype=np.float32) for _ in range(2)]
    states = [random.uniform(0.5, 2.0, size).astype(np.float32) for _ in range(STATES[name])]
    if "centered" in name:
        states[-1] *= np.float32(0.25)
    return numbers, arrays + states


def expected(name: str, numbers: Array, arrays: list[Array]) -> tuple[Array, ...]:
    """Apply the twin in the precision of the arrays."""
    scalars = numbers.astype(arrays[0].dtype)
    return RULES[name](*(array.copy() for array in arrays), *scalars)
