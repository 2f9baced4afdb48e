"""Training without an engine: weights that follow the data, and an optimizer that remembers."""

from __future__ import annotations

import numpy as np

import cnnfast
from cnnfast import layers
from cnnfast.training.callbacks import CallbackList
from cnnfast.training.epochs import Epochs
from cnnfast.training.sources import source_of
from savedmodels import ToyOptimizer

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


def small_model():
    """A real model with a toy optimizer."""
    model = cnnfast.Sequential([cnnfast.Input((3,)), layers.Dense(2, kernel_initializer="ones")])
    model.optimizer = ToyOptimizer(model)
    model.stop_training = False
    model.fit_seed = 0
    return model


def toy_fit(model, epochs, callbacks, seed=0, after_batch=None):
    """Do what `fit` does with data and callbacks, and something simple to the weights."""
    model._initial_epoch, model.fit_seed = 0, seed
    source = source_of(model, DATA, batch_size=4, shuffle=True)
    hooks = CallbackList(callbacks, model, epochs=epochs, steps=source.count, verbose=0)
    hooks.on_train_begin({})
    source.seed = model.fit_seed
    passes = Epochs(source)
    for epoch in range(model._initial_epoch, epochs):
        hooks.on_epoch_begin(epoch, {})
        for number, batch in enumerate(passes.epoch(epoch)):
            _step(model, batch)
            hooks.on_train_batch_end(number, {"loss": 1.0})
            if after_batch is not None:
                after_batch(epoch, number)
        hooks.on_epoch_end(epoch, {"loss": 1.0})
    hooks.on_train_end({})


def _step(model, batch):
    iteration, _, *slots = model.optimizer.variables
    iteration.assign(iteration.value + 1)
    for weight, slot in zip(model.trainable_weights, slots, strict=True):
        step = batch.inputs[0].mean() * (1 + weight.value) / iteration.value
        slot.assign(slot.value * np.float32(0.9) + step.astype(np.float32))
        weight.assign(weight.value + slot.value)
