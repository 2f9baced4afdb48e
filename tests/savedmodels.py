"""Models to save, and what a compiled model looks like to a file."""

from __future__ import annotations

import numpy as np

import cnnfast
from cnnfast import layers
from toylayers import Matrix, Twice

IMAGE = (9, 8, 2)


def convnet():
    """A Sequential with most kinds of state."""
    return cnnfast.Sequential(
        [
            cnnfast.Input(IMAGE),
            layers.Conv2D(3, 3, padding="same", activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.25),
            layers.SeparableConv2D(4, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, kernel_constraint=cnnfast.constraints.MaxNorm(2)),
            layers.PReLU(),
            layers.Softmax(),
        ],
        name="convnet",
    )


def sequence():
    """An embedding of integers."""
    return cnnfast.Sequential(
        [
            cnnfast.Input((12,), dtype="int32"),
            layers.Embedding(20, 4),
            layers.Conv1D(5, 3, padding="causal", dilation_rate=2),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sequence",
    )


def shared():
    """A layer called twice, and one that is in the model and in a model inside it too."""
    everywhere = layers.Conv2D(2, 3, padding="same", name="zz_everywhere")
    inside = cnnfast.Input(IMAGE)
    normalized = layers.BatchNormalization(trainable=False)(everywhere(inside))
    inner = cnnfast.Model(inside, layers.Conv2D(2, 1)(normalized), name="inner")
    image, other = cnnfast.Input(IMAGE, name="image"), cnnfast.Input(IMAGE, name="other")
    twice = layers.Conv2D(2, 1, activation="tanh", name="aa_twice")
    branches = [inner(twice(image)), inner(twice(other)), everywhere(other)]
    joined = layers.Concatenate()(branches)
    scores = layers.Dense(3, name="scores")(layers.Flatten()(joined))
    return cnnfast.Model([image, other], [scores, branches[0]], name="shared")


def nested():
    """Models inside models, with equal names in two of them and frozen layers between others."""
    blocks = [
        cnnfast.Sequential(
            [
                cnnfast.Input(IMAGE),
                layers.Conv2D(2, 3, padding="same", name="same_name"),
                layers.BatchNormalization(name="same_norm"),
                layers.Conv2D(2, 1, trainable=False, name="frozen"),
                layers.DepthwiseConv2D(3, padding="same", name="after"),
            ],
            name=f"block_{number}",
        )
        for number in range(2)
    ]
    stack = cnnfast.Sequential([cnnfast.Input(IMAGE), *blocks], name="stack")
    image = cnnfast.Input(IMAGE)
    return cnnfast.Model(image, layers.Flatten()(stack(image)), name="nested")


def deep():
    """Twelve equal layers, which only their order tells apart."""
    return cnnfast.Sequential(
        [cnnfast.Input((6,)), *(layers.Dense(6, activation="tanh") for _ in range(12))],
        name="deep",
    )


def custom():
    """Layers of a user, one of them made of others."""
    return cnnfast.Sequential([cnnfast.Input((6,)), Matrix(4), Twice()], name="custom")


MODELS = {build.__name__: build for build in (convnet, sequence, shared, nested, deep, custom)}
STANDARD = [name for name in MODELS if name != "custom"]
CUSTOM_OBJECTS = {"Matrix": Matrix, "Twice": Twice}


def randomized(model, seed=7):
    """Give every weight a value of its own, so that a swapped pair changes the outputs."""
    random = np.random.default_rng(seed)
    model.set_weights([random.uniform(0.1, 0.7, w.shape) for w in model.get_weights()])
    return model


def inputs_of(model, seed=8):
    """Draw a batch of three."""
    random = np.random.default_rng(seed)
    drawn = [random.integers(0, 20, (3, *tensor.shape[1:])) for tensor in model.inputs]
    is_ids = model.name == "sequence"
    arrays = [array if is_ids else (array / 16 - 0.5).astype(np.float32) for array in drawn]
    return arrays if len(arrays) > 1 else arrays[0]


def compiled(model):
    """Compile a model, and let it do a step if that is possible."""
    model.compile(
        cnnfast.optimizers.SGD(0.01, momentum=0.9, name="sgd"), loss="mse", metrics=["mae"]
    )
    model.optimizer.build(model.trainable_weights)
    return model
