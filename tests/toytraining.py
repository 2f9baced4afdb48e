"""A small model to train, and one that callbacks take for a model."""

from __future__ import annotations

import numpy as np

import cnnfast
from cnnfast import layers

DATA = np.random.default_rng(3).normal(size=(13, 3)).astype(np.float32)


class Settable:
    """An optimizer with nothing but a learning rate."""

    def __init__(self, learning_rate=1.0):
        self.learning_rate = learning_rate


class ToyModel:
    """What callbacks ask of a model, and a list of what they did."""

    def __init__(self):
        self.optimizer = Settable()
        self.stop_training = False
        self.weights = [0]
        self.saved = []
        self.built = True

    def get_weights(self):
        return list(self.weights)

    def set_weights(self, weights):
        self.weights = list(weights)

    def save(self, filepath, overwrite=True):
        self.saved.append(str(filepath))

    def save_weights(self, filepath, overwrite=True):
        self.saved.append(str(filepath))


def run(callbacks, epochs, model=None):
    """Drive callbacks through epochs with given logs; return the model and the epochs it ran."""
    model = model or ToyModel()
    for callback in callbacks:
        callback.set_params({"verbose": 0, "epochs": len(epochs), "steps": 1})
        callback.set_model(model)
    for callback in callbacks:
        callback.on_train_begin({})
    for epoch, logs in enumerate(epochs):
        model.weights = [epoch + 1]
        for callback in callbacks:
            callback.on_epoch_begin(epoch, {})
        for callback in callbacks:
            callback.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    for callback in callbacks:
        callback.on_train_end({})
    return model, epoch + 1


def small_model(optimizer="adam"):
    """A model of two layers, compiled."""
    model = cnnfast.Sequential(
        [
            cnnfast.Input((3,)),
            layers.Dense(4, activation="tanh", kernel_initializer="ones"),
            layers.Dense(2),
        ]
    )
    model.set_weights([np.linspace(-1, 1, w.size).reshape(w.shape) for w in model.get_weights()])
    model.compile(optimizer, "mse")
    return model


def small_fit(model, epochs, callbacks, seed=0, **options):
    """Train on the samples, in an order that follows from the seed."""
    cnnfast.utils.set_random_seed(seed)
    return model.fit(
        DATA, DATA[:, :2], batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks, **options
    )
