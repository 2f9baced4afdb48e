"""Write the small model files of tests/golden/saving with a real Keras, whichever is installed.

Run it once in an environment with tensorflow-cpu and Keras 3 and once in one with TensorFlow 2.13
(Keras 2.13). The same models come out in each generation's own formats, beside the inputs and the
outputs that Keras computed, packed into `keras2.zip` and `keras3.zip`: HDF5 files are mostly
zeros, and packed they are ten times smaller.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from keras import Input, Model, Sequential, layers

FOLDER = Path(__file__).parent / "saving"
IMAGE, SEQUENCE, VECTOR = (9, 8, 2), (12,), (6,)
GENERATION = int(keras.__version__.split(".")[0])


def convnet() -> Model:
    """A plain Sequential image network."""
    return Sequential(
        [
            Input(IMAGE),
            layers.Conv2D(3, (3, 2), padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(2),
            layers.ZeroPadding2D(((1, 0), (0, 2))),
            layers.Conv2D(4, 2, strides=(1, 2), use_bias=False),
            layers.LeakyReLU(),
            layers.AveragePooling2D(2, padding="same"),
            layers.Dropout(0.3),
            layers.Flatten(),
            layers.Dense(5, activation="softmax"),
        ],
        name="convnet",
    )


def sequence() -> Model:
    """A Sequential that embeds integer ids and convolves over them."""
    return Sequential(
        [
            Input(SEQUENCE, dtype="int32"),
            layers.Embedding(20, 4),
            layers.Conv1D(5, 3, padding="causal", dilation_rate=2),
            layers.PReLU(shared_axes=[1]),
            layers.ZeroPadding1D(1),
            layers.MaxPooling1D(2),
            layers.Conv1D(3, 2, activation="tanh"),
            layers.ELU(0.5),
            layers.AveragePooling1D(2),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1, activation="sigmoid"),
        ],
        name="sequence",
    )


def branches() -> Model:
    """Two inputs, a layer shared between them, merges, two outputs."""
    left, right = Input(IMAGE, name="left"), Input(IMAGE, name="right")
    shared = layers.Conv2D(3, 3, padding="same", name="zz_shared")
    first = layers.Activation("relu", name="aa_activation")(shared(left))
    second = layers.ReLU(max_value=1.0)(shared(right))
    added = layers.Add()([first, second])
    joined = layers.Concatenate()([added, layers.Conv2D(2, 1, name="bb_last")(left)])
    columns = layers.Permute((2, 1))(layers.Reshape((-1, 5))(joined))
    one = layers.Softmax(name="one")(layers.GlobalAveragePooling1D()(columns))
    pooled = layers.Concatenate()(
        [layers.GlobalMaxPooling2D()(added), layers.GlobalAveragePooling2D()(second)]
    )
    two = layers.Dense(2, name="two")(pooled)
    return Model([left, right], [one, two], name="branches")


def nested() -> Model:
    """Models inside models, one of them used twice, with frozen layers between trainable ones."""
    block = Sequential(
        [
            Input(IMAGE),
            layers.Conv2D(2, 3, padding="same"),
            layers.BatchNormalization(),
            layers.Conv2D(2, 1, trainable=False),
            layers.BatchNormalization(trainable=False),
            layers.Conv2D(2, 1, use_bias=False),
        ],
        name="block",
    )
    inner_input = Input((4,))
    hidden = layers.Dense(3, activation="relu")(inner_input)
    inner = Model(inner_input, layers.Dense(4)(hidden), name="inner")
    image, other = Input(IMAGE), Input(IMAGE)
    pooled = [layers.GlobalAveragePooling2D()(block(value)) for value in (image, other)]
    joined = layers.Concatenate()(pooled)
    vector = layers.Dense(4, name="before")(joined)
    output = layers.Dense(2)(layers.Add()([inner(vector), vector]))
    return Model([image, other], output, name="nested")


def deep() -> Model:
    """Twelve equal layers, which only their order tells apart, with hard_sigmoid between."""
    hidden = [layers.Dense(6, activation="hard_sigmoid") for _ in range(12)]
    return Sequential([Input(VECTOR), *hidden], name="deep")


def residual() -> Model:
    """Sums of tensors written with a plus sign."""
    image = Input(IMAGE)
    hidden = layers.Conv2D(2, 3, padding="same", activation="relu")(image) + image
    joined = layers.Conv2D(2, 1)(hidden) + hidden
    return Model(image, layers.Dense(3)(layers.Flatten()(joined)), name="residual")


MODELS: dict[str, Callable[[], Model]] = {
    builder.__name__: builder for builder in (convnet, sequence, branches, nested, deep)
}


if GENERATION > 2:
    MODELS["residual"] = residual


def randomize(model: Model, random: np.random.Generator) -> None:
    """Give every weight a value of its own, so that a swapped pair changes the outputs."""
    model.set_weights(
        [random.uniform(0.1, 0.7, w.shape) - 0.2 * (w.ndim > 1) for w in model.get_weights()]
    )


def inputs_of(model: Model, random: np.random.Generator) -> list[np.ndarray]:
    """Draw a batch of three for each input of the model."""
    if model.name == "sequence":
        return [random.integers(0, 20, (3, *SEQUENCE)).astype(np.int32)]
    return [random.normal(size=(3, *x.shape[1:])).astype(np.float32) for x in model.inputs]


def write(name: str, folder: Path) -> None:
    """Save one model in the formats of the installed Keras, with its inputs and outputs."""
    keras.backend.clear_session()
    random = np.random.default_rng(7)
    model = MODELS[name]()
    randomize(model, random)
    inputs = inputs_of(model, random)
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    arrays = {f"x{i}": x for i, x in enumerate(inputs)}
    arrays |= {f"y{i}": y for i, y in enumerate(outputs)}
    np.savez_compressed(folder / f"{name}.npz", **arrays)
    if name == "convnet":
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    model.save(folder / f"{name}.keras")
    model.save(folder / f"{name}.h5")
    if name in ("nested", "sequence"):
        model.save_weights(folder / f"{name}.weights.h5")


def main() -> None:
    """Write every model, then pack the files for the installed generation."""
    FOLDER.mkdir(exist_ok=True)
    packed = FOLDER / f"keras{GENERATION}.zip"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for model in MODELS:
            write(model, folder)
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for path in sorted(folder.iterdir()):
                archive.write(path, path.name)
    print(f"wrote {len(MODELS)} models of Keras {keras.__version__} to {packed}", file=sys.stderr)


if __name__ == "__main__":
    main()
