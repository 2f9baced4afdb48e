"""Record what Keras answers for regularizers, constraints and initializers' settings.

Run with Keras 3 on its TensorFlow backend. Writes registries.json beside this file, where
tests/test_regularizers.py, tests/test_constraints.py and tests/test_initializers.py read it.
Arrays are random multiples of 1/64 from a fixed seed, which keeps the file small.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import constraints, initializers, regularizers
from keras.src.initializers.random_initializers import compute_fans

SEED = 7
GRID = 64
MATRIX = (4, 3)
KERNEL = (2, 3, 2, 4)

REGULARIZERS = (
    (regularizers.L1(), MATRIX),
    (regularizers.L1(0.25), KERNEL),
    (regularizers.L2(), MATRIX),
    (regularizers.L2(0.001), KERNEL),
    (regularizers.get("L1L2"), MATRIX),
    (regularizers.L1L2(l1=0.5, l2=0.125), KERNEL),
    (regularizers.OrthogonalRegularizer(), MATRIX),
    (regularizers.OrthogonalRegularizer(0.5, "columns"), MATRIX),
)
CONSTRAINTS = (
    (constraints.MaxNorm(), MATRIX),
    (constraints.MaxNorm(0.75), MATRIX),
    (constraints.MaxNorm(1.5, axis=[0, 1, 2]), KERNEL),
    (constraints.MaxNorm(0.5, axis=-1), KERNEL),
    (constraints.MinMaxNorm(), MATRIX),
    (constraints.MinMaxNorm(1.5, 2.0, 0.25, axis=1), MATRIX),
    (constraints.MinMaxNorm(0.25, 1.0, 0.5, axis=[0, 1, 2]), KERNEL),
    (constraints.NonNeg(), KERNEL),
    (constraints.UnitNorm(), MATRIX),
    (constraints.UnitNorm(axis=[0, 1, 2]), KERNEL),
)
INITIALIZERS = (
    initializers.Constant(0.5),
    initializers.Constant(np.arange(3.0)),
    initializers.GlorotNormal(),
    initializers.GlorotUniform(seed=3),
    initializers.HeNormal(),
    initializers.HeUniform(),
    initializers.Identity(),
    initializers.LecunNormal(),
    initializers.LecunUniform(input_axes=[0], output_axes=[1]),
    initializers.Ones(),
    initializers.Orthogonal(gain=2.0),
    initializers.RandomNormal(mean=0.0, stddev=0.1, seed=13),
    initializers.RandomNormal(seed=keras.random.SeedGenerator(5)),
    initializers.RandomUniform(),
    initializers.TruncatedNormal(),
    initializers.VarianceScaling(2.0, "fan_out", "uniform"),
    initializers.VarianceScaling(distribution="normal"),
    initializers.Zeros(),
)
FANS = ((), (7,), (3, 5), (4, 3, 5), (3, 3, 16, 32), (2, 3, 4, 5, 6), (3, 0))


def values(shape: tuple[int, ...], stream: np.random.RandomState) -> np.ndarray:
    """Draw multiples of 1/64 around 0, with one row of zeros."""
    drawn = (stream.randint(-2 * GRID, 2 * GRID, shape) / GRID).astype("float32")
    drawn[-1] = 0
    return drawn


def regularizer_case(regularizer: Any, inputs: np.ndarray) -> dict[str, Any]:
    """Ask Keras for a penalty and, from TensorFlow, for its gradient."""
    variable = tf.Variable(inputs)
    with tf.GradientTape() as tape:
        penalty = regularizer(variable)
    gradient = tape.gradient(penalty, variable)
    return {
        "object": regularizers.serialize(regularizer),
        "inputs": inputs.tolist(),
        "penalty": float(penalty),
        "gradient": None if gradient is None else gradient.numpy().tolist(),
    }


def constraint_case(constraint: Any, inputs: np.ndarray) -> dict[str, Any]:
    """Ask Keras for a projected weight."""
    return {
        "object": constraints.serialize(constraint),
        "inputs": inputs.tolist(),
        "outputs": constraint(inputs).numpy().tolist(),
    }


def main() -> None:
    """Write one case per line."""
    stream = np.random.RandomState(SEED)
    sections = {
        "regularizers": [regularizer_case(r, values(s, stream)) for r, s in REGULARIZERS],
        "constraints": [constraint_case(c, values(s, stream)) for c, s in CONSTRAINTS],
        "initializers": [initializers.serialize(initializer) for initializer in INITIALIZERS],
        "fans": [{"shape": shape, "fans": compute_fans(shape)} for shape in FANS],
    }
    lines = (
        f'"{name}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]"
        for name, cases in sections.items()
    )
    text = f'{{"keras_version": "{keras.__version__}",\n' + ",\n".join(lines) + "\n}\n"
    Path(__file__).with_name("registries.json").write_text(text)


if __name__ == "__main__":
    main()
