"""Small models and data to train them on."""

from __future__ import annotations

import numpy as np

import cnnfast
from cnnfast import layers

COUNT = 11


def one_in_one_out():
    return cnnfast.Sequential([cnnfast.Input((3,)), layers.Dense(2)])


def two_in_two_out():
    left, right = cnnfast.Input((3,), name="left"), cnnfast.Input((2,), name="right")
    both = layers.Concatenate()([left, right])
    outputs = [layers.Dense(1, name="one")(both), layers.Dense(4, name="two")(both)]
    return cnnfast.Model([left, right], outputs)


X = np.arange(COUNT * 3, dtype=np.float32).reshape(COUNT, 3)
X2 = np.arange(COUNT * 2, dtype=np.float32).reshape(COUNT, 2)
Y = np.arange(COUNT)
W = np.arange(COUNT, dtype=np.float32) / 8


def joined(batches):
    """Put the batches together again."""
    batches = list(batches)
    pick = [
        lambda batch: batch.inputs[0],
        lambda batch: batch.targets[0],
        lambda batch: batch.weights[0],
    ]
    return [
        None if get(batches[0]) is None else np.concatenate([get(batch) for batch in batches])
        for get in pick
    ]


def generator(count, weight=False):
    for index in range(count):
        batch = X[index : index + 2], Y[index : index + 2]
        yield (*batch, W[index : index + 2]) if weight else batch
