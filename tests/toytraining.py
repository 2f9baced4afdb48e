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
    return compiled([layers.Dense(4, activation="tanh"), layers.Dense(2)], optimizer)


def random_model(optimizer="adam"):
    """A model whose steps draw random numbers and keep statistics, compiled."""
    middle = [layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.25)]
    return compiled([*middle, layers.Dense(2)], optimizer)


def compiled(stack, optimizer):
    """Put layers on three inputs and give their weights fixed values."""
    model = cnnfast.Sequential([cnnfast.Input((3,)), *stack])
    values = [np.linspace(-1, 1, w.size).reshape(w.shape) for w in model.get_weights()]
    model.set_weights([np.abs(v) if v.ndim == 1 else v for v in values])
    model.compile(optimizer, "mse")
    return model


def small_fit(model, epochs, callbacks, seed=0, **options):
    """Train on the samples, in an order that follows from the seed."""
    np.random.seed(seed)
    return model.fit(
        DATA, DATA[:, :2], batch_size=4, epochs=epochs, verbose=0, callbacks=callbacks, **options
    )
