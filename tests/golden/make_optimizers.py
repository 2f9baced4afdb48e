"""Ask Keras on TensorFlow how optimizers move weights, and keep it in optimizers.json.

Run in an environment that has Keras and TensorFlow:

    KERAS_BACKEND=tensorflow python tests/golden/make_optimizers.py

Gradients are drawn by `gradients` of tests/trajectories.py; kept are the weights after some of 50
steps and the state at the end.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import optimizers
from keras.optimizers import schedules
from shortened import shortened

sys.path.insert(0, str(Path(__file__).parents[1]))

from trajectories import KEPT, SHAPES, STEPS, first_weights, gradients

O = optimizers  # noqa: E741
DECAY = schedules.ExponentialDecay(0.05, 10, 0.5)

OPTIMIZERS = (
    lambda: O.SGD(),
    lambda: O.SGD(0.1, momentum=0.9),
    lambda: O.SGD(0.1, momentum=0.9, nesterov=True),
    lambda: O.SGD(DECAY, weight_decay=0.01, clipvalue=0.5),
    lambda: O.SGD(0.05, clipnorm=1.0),
    lambda: O.SGD(0.05, global_clipnorm=1.5, use_ema=True),
    lambda: O.SGD(0.05, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=10),
    lambda: O.RMSprop(),
    lambda: O.RMSprop(0.01, rho=0.8, momentum=0.5),
    lambda: O.RMSprop(0.01, centered=True),
    lambda: O.RMSprop(0.01, momentum=0.9, centered=True, epsilon=1e-3),
    lambda: O.Adam(),
    lambda: O.Adam(0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-4, amsgrad=True),
    lambda: O.Adam(0.01, gradient_accumulation_steps=3),
    lambda: O.Adam(0.01, gradient_accumulation_steps=2, use_ema=True, clipnorm=0.7),
    lambda: O.Adam(0.01, loss_scale_factor=8.0, global_clipnorm=0.2),
    lambda: O.AdamW(),
    lambda: O.AdamW(0.01, weight_decay=0.1, amsgrad=True),
    lambda: O.Adagrad(),
    lambda: O.Adagrad(0.1, initial_accumulator_value=0.0, epsilon=1e-3),
    lambda: O.Adadelta(),
    lambda: O.Adadelta(1.0, rho=0.9, epsilon=1e-6),
    lambda: O.Adamax(),
    lambda: O.Adamax(0.02, beta_1=0.8, weight_decay=0.01),
    lambda: O.Nadam(),
    lambda: O.Nadam(0.02, beta_1=0.95),
    lambda: O.Ftrl(0.1),
    lambda: O.Ftrl(
        0.1,
        learning_rate_power=-0.7,
        l1_regularization_strength=0.05,
        l2_regularization_strength=0.1,
        l2_shrinkage_regularization_strength=0.02,
        beta=0.3,
    ),
    lambda: O.Lion(),
    lambda: O.Lion(0.01, beta_1=0.8, beta_2=0.9, weight_decay=0.02),
)

SCHEDULES = (
    schedules.ExponentialDecay(0.1, 10, 0.5),
    schedules.ExponentialDecay(0.1, 10, 0.5, staircase=True),
    schedules.InverseTimeDecay(0.1, 5, 0.3),
    schedules.InverseTimeDecay(0.1, 5, 0.3, staircase=True),
    schedules.PiecewiseConstantDecay([3, 10], [1.0, 0.5, 0.1]),
    schedules.PolynomialDecay(0.1, 20),
    schedules.PolynomialDecay(0.1, 20, 0.01, power=2.0, cycle=True),
    schedules.CosineDecay(0.1, 20, alpha=0.1),
    schedules.CosineDecay(0.01, 20, warmup_target=0.1, warmup_steps=5),
    schedules.CosineDecayRestarts(0.1, 5),
    schedules.CosineDecayRestarts(0.1, 5, t_mul=1.0, m_mul=0.9, alpha=0.1),
    schedules.CosineDecayRestarts(0.1, 5, t_mul=1.5, m_mul=0.8),
)
TIMES = (0, 1, 2, 3, 4, 5, 7, 9, 10, 11, 15, 19, 20, 21, 33, 40, 50)


def trajectory(optimizer: Any) -> dict[str, Any]:
    """Do all steps."""
    variables = [
        keras.Variable(value, name=f"weight_{i}") for i, value in enumerate(first_weights())
    ]
    kept = []
    for step in range(STEPS):
        optimizer.apply([tf.constant(g) for g in gradients(step)], variables)
        if step + 1 in KEPT:
            kept.append([variable.numpy() for variable in variables])
    state = [(v.path, np.asarray(v)) for v in optimizer.variables]
    optimizer.finalize_variable_values(variables)
    numbers = {
        "weights": kept,
        "final": [variable.numpy() for variable in variables],
        "state": [value for _, value in state],
    }
    paths = [path for path, _ in state]
    return {"object": optimizers.serialize(optimizer), "paths": paths} | shortened(numbers)


def schedule(one: Any) -> dict[str, Any]:
    """Ask for learning rates."""
    rates = [float(one(tf.constant(time, tf.int64))) for time in TIMES]
    return {"object": schedules.serialize(one), "steps": TIMES, "rates": shortened(rates)}


def main() -> None:
    """Write one case per line."""
    assert [value.shape for value in first_weights()] == list(SHAPES)
    sections = {
        "trajectories": [trajectory(make()) for make in OPTIMIZERS],
        "schedules": [schedule(one) for one in SCHEDULES],
    }
    lines = (
        f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]"
        for name, cases in sections.items()
    )
    text = f'{{"keras_version": "{keras.__version__}",\n' + ",\n".join(lines) + "\n}\n"
    Path(__file__).with_name("optimizers.json").write_text(text)


if __name__ == "__main__":
    main()
