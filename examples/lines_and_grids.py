"""A convolution over a random line and one over a random grid: what each layer makes of it.

Run it: python examples/lines_and_grids.py
"""

from __future__ import annotations

import numpy as np

import cnnfast
from cnnfast import layers

SEED = 13


def scores() -> layers.Dense:
    """Make the layer at the end: five sums, their weights drawn from a fixed seed."""
    normal = cnnfast.initializers.RandomNormal(mean=0.0, stddev=0.1, seed=SEED)
    return layers.Dense(
        5, kernel_initializer=normal, bias_initializer="random_normal", name="scores"
    )


def build_line() -> cnnfast.Sequential:
    """Stack a convolution of five steps, a pooling of five and the sums."""
    model = cnnfast.Sequential()
    model.add(
        layers.Conv1D(1, 5, strides=1, padding="valid", activation="relu", input_shape=(25, 1))
    )
    model.add(layers.MaxPool1D(pool_size=5, strides=1, padding="valid", name="peaks"))
    model.add(layers.Flatten(name="row"))
    model.add(scores())
    return model


def build_grid() -> cnnfast.Sequential:
    """Stack a convolution of 2 x 2 in steps of two, a pooling of 2 x 2 and the sums."""
    model = cnnfast.Sequential()
    model.add(layers.Conv2D(filters=1, kernel_size=(2, 2), strides=(2, 2), input_shape=(10, 10, 1)))
    model.add(layers.MaxPool2D(pool_size=(2, 2), strides=1, padding="valid", name="peaks"))
    model.add(layers.Flatten(name="row"))
    model.add(scores())
    return model


def main() -> None:
    """Show both networks, and what their last layers say."""
    random = np.random.default_rng(SEED)
    for model, shape in ((build_line(), (1, 25, 1)), (build_grid(), (1, 10, 10, 1))):
        part = cnnfast.Model(inputs=model.inputs, outputs=model.get_layer("scores").output)
        print(part.predict(random.normal(size=shape), verbose=0))
        model.summary()


if __name__ == "__main__":
    main()
