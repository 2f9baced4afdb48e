"""What layers compute where they are more than one operation: layouts, broadcasts, fusions.

Each answer is made from the same layer's simpler form or from NumPy's own array functions; the
numbers of the operations themselves are tested with the operations and against Keras.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import reference
import tolerances
from cnnfast import layers
from cnnfast.engine.graph import Graph

RANDOM = np.random.default_rng(11)
IMAGES = RANDOM.normal(size=(3, 6, 7, 4)).astype(np.float32)
SEQUENCES = RANDOM.normal(size=(3, 9, 4)).astype(np.float32)


def to_front(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, -1, 1)


@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (lambda **kw: layers.Conv2D(5, (2, 3), strides=(2, 1), padding="same", **kw), IMAGES),
        (lambda **kw: layers.Conv1D(5, 3, padding="causal", dilation_rate=2, **kw), SEQUENCES),
        (lambda **kw: layers.Conv1D(4, 3, groups=2, activation="tanh", **kw), SEQUENCES),
        (lambda **kw: layers.MaxPooling2D((2, 3), padding="same", **kw), IMAGES),
        (lambda **kw: layers.AveragePooling1D(2, strides=3, **kw), SEQUENCES),
        (lambda **kw: layers.ZeroPadding2D(((1, 2), (3, 0)), **kw), IMAGES),
        (lambda **kw: layers.ZeroPadding1D((1, 2), **kw), SEQUENCES),
        (lambda **kw: layers.GlobalMaxPooling2D(keepdims=True, **kw), IMAGES),
        (lambda **kw: layers.GlobalAveragePooling1D(keepdims=True, **kw), SEQUENCES),
    ],
    ids=["conv2d", "causal", "groups", "max", "average", "pad2d", "pad1d", "gmp", "gap"],
)
def test_channels_first_is_channels_last_moved(
    make: Callable[..., layers.Layer], inputs: np.ndarray
) -> None:
    first = make(data_format="channels_first")
    outputs = first(to_front(inputs))
    last = make(data_format="channels_last")
    last.build(inputs.shape)
    last.set_weights(first.get_weights())
    np.testing.assert_array_equal(outputs, to_front(last(inputs)))


def test_global_pooling_channels_first_without_the_axes() -> None:
    outputs = layers.GlobalMaxPooling2D(data_format="channels_first")(to_front(IMAGES))
    np.testing.assert_array_equal(outputs, IMAGES.max((1, 2)))


def test_flatten_channels_first_lets_channels_vary_fastest() -> None:
    outputs = layers.Flatten(data_format="channels_first")(to_front(IMAGES))
    np.testing.assert_array_equal(outputs, IMAGES.reshape(3, -1))


def test_flatten_of_single_numbers_gives_them_an_axis() -> None:
    np.testing.assert_array_equal(layers.Flatten()(np.arange(3.0)), [[0], [1], [2]])


def test_conv1d_is_conv2d_of_height_one() -> None:
    sequence = layers.Conv1D(5, 3, strides=2, padding="same")
    outputs = sequence(SEQUENCES)
    image = layers.Conv2D(5, (1, 3), strides=(1, 2), padding="same")
    image.build((None, 1, 9, 4))
    kernel, bias = sequence.get_weights()
    image.set_weights([kernel[None], bias])
    np.testing.assert_array_equal(outputs, image(SEQUENCES[:, None])[:, 0])


def test_conv1d_causal_ignores_later_inputs() -> None:
    layer = layers.Conv1D(2, 3, padding="causal", dilation_rate=2)
    before = layer(SEQUENCES)
    changed = SEQUENCES.copy()
    changed[:, 5:] += 1
    after = layer(changed)
    np.testing.assert_array_equal(before[:, :5], after[:, :5])
    assert (before[:, 5] != after[:, 5]).any()


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_batch_normalization_normalizes_along_its_axis(axis: int) -> None:
    layer = layers.BatchNormalization(axis=axis, epsilon=0.01)
    layer.build(IMAGES.shape)
    size = IMAGES.shape[axis]
    gamma, beta, mean = RANDOM.normal(size=(3, size)).astype(np.float32)
    variance = RANDOM.uniform(0.5, 2, size).astype(np.float32)
    layer.set_weights([gamma, beta, mean, variance])
    moved = np.moveaxis(IMAGES, axis, -1).astype(np.float64)
    scale = gamma / np.sqrt(variance.astype(np.float64) + 0.01)
    expected = np.moveaxis((moved - mean) * scale + beta, -1, axis)
    largest = np.abs(scale).max() * (np.abs(IMAGES).max() + np.abs(mean).max())
    bound = tolerances.roundings(4, largest + np.abs(beta).max())
    assert (np.abs(layer(IMAGES) - expected) <= bound).all()


@pytest.mark.parametrize(
    "shapes",
    [
        [(4, 3), (4, 3)],
        [(4, 3), (3,)],
        [(4, 3), (4, 1), (1, 3)],
        [(1, 3), (5, 1)],
        [(2, 7, 3), (7, 1), (3,)],
    ],
    ids=repr,
)
def test_add_stretches_like_numpy(shapes: list[tuple[int, ...]]) -> None:
    arrays = [RANDOM.integers(-9, 9, (2, *shape)).astype(np.float32) for shape in shapes]
    rank = max(len(shape) for shape in shapes)
    aligned = [
        array.reshape(2, *(1,) * (rank - array.ndim + 1), *array.shape[1:]) for array in arrays
    ]
    np.testing.assert_array_equal(layers.add(arrays), sum(aligned))


@pytest.mark.parametrize("axis", [-1, 1, 2, -2])
def test_concatenate_is_numpys(axis: int) -> None:
    arrays = [SEQUENCES, SEQUENCES + 1, -SEQUENCES]
    outputs = layers.concatenate(arrays, axis=axis)
    np.testing.assert_array_equal(outputs, np.concatenate(arrays, axis=axis))


def test_concatenate_of_one_input_twice() -> None:
    tensor = layers.Input((9, 4))
    outputs = layers.Concatenate()([SEQUENCES, SEQUENCES])
    np.testing.assert_array_equal(outputs, np.concatenate([SEQUENCES, SEQUENCES], axis=-1))
    assert layers.Concatenate()([tensor, tensor]).shape == (None, 9, 8)


@pytest.mark.parametrize("axis", [0, 3, -3])
def test_concatenate_refuses_the_batch_axis_and_axes_that_are_not_there(axis: int) -> None:
    with pytest.raises(ValueError, match="other than the batch axis"):
        layers.Concatenate(axis=axis)([layers.Input((2, 3)), layers.Input((2, 3))])


@pytest.mark.parametrize("count", [1, 2, 3, 7, 64])
def test_repeat_vector_repeats(count: int) -> None:
    outputs = layers.RepeatVector(count)(SEQUENCES[:, 0])
    np.testing.assert_array_equal(outputs, np.repeat(SEQUENCES[:, :1], count, axis=1))


@pytest.mark.parametrize("axis", [-1, 1, 2, 3, [1, 2], [1, 2, 3], [3, 1]], ids=repr)
def test_softmax_sums_to_one_along_its_axes(axis: int | list[int]) -> None:
    outputs = layers.Softmax(axis=axis)(IMAGES)
    axes = tuple(axis) if isinstance(axis, list) else (axis,)
    shifted = np.exp(IMAGES.astype(np.float64) - IMAGES.max(axes, keepdims=True))
    expected = shifted / shifted.sum(axes, keepdims=True)
    length = int(np.prod([IMAGES.shape[axis] for axis in axes]))
    spread = float(np.ptp(IMAGES))
    relative = tolerances.float32_sum(length) + tolerances.roundings(10 + spread, 1.0)
    assert (np.abs(outputs - expected) <= relative * expected).all()


def test_softmax_refuses_the_batch_axis() -> None:
    with pytest.raises(ValueError, match="other than the batch axis"):
        layers.Softmax(axis=0)(SEQUENCES)


@pytest.mark.parametrize("shared", [None, [1], [2], [3], [1, 2], [2, 3], [1, 2, 3]], ids=repr)
def test_prelu_shares_slopes_along_its_axes(shared: list[int] | None) -> None:
    layer = layers.PReLU(shared_axes=shared)
    layer.build(IMAGES.shape)
    slopes = RANDOM.normal(size=layer.alpha.shape).astype(np.float32)
    layer.set_weights([slopes])
    np.testing.assert_array_equal(layer(IMAGES), np.where(IMAGES > 0, IMAGES, slopes * IMAGES))


@pytest.mark.parametrize("shared", [[0], [-1], [4], ["a"]], ids=repr)
def test_prelu_refuses_axes_that_are_not_there(shared: list[int]) -> None:
    with pytest.raises(ValueError, match="`shared_axes` must"):
        layers.PReLU(shared_axes=shared)(IMAGES)


@pytest.mark.parametrize(
    "make",
    [
        lambda activation: layers.Dense(6, activation=activation),
        lambda activation: layers.Conv1D(6, 2, activation=activation),
        lambda activation: layers.Conv2D(6, 2, activation=activation),
    ],
    ids=["dense", "conv1d", "conv2d"],
)
@pytest.mark.parametrize(
    "activation", ["relu", "sigmoid", "softmax", "glu", layers.LeakyReLU(0.5), layers.PReLU()]
)
def test_activation_inside_a_layer_is_the_activation_after_it(
    make: Callable[..., layers.Layer], activation: object
) -> None:
    inputs = {"Dense": SEQUENCES[:, 0], "Conv1D": SEQUENCES, "Conv2D": IMAGES}
    plain = make(None)
    x = inputs[type(plain).__name__]
    before = plain(x)
    config = plain.get_config()
    if isinstance(activation, layers.Layer):
        activation = type(activation).from_config(activation.get_config())
    fused = type(plain).from_config({**config, "activation": activation})
    outputs = fused(x)
    own = [*plain.get_weights(), *(w.numpy() + 0.25 for w in fused.weights[2:])]
    fused.set_weights(own)
    expected = layers.Activation(fused.activation)(before)
    np.testing.assert_array_equal(fused(x), expected)
    assert outputs.shape == expected.shape == fused.compute_output_shape(x.shape)


@pytest.mark.parametrize("target", [(36,), (4, 9), (2, -1), (-1, 2, 3), (1, 36, 1)], ids=repr)
def test_reshape_keeps_the_order_of_elements(target: tuple[int, ...]) -> None:
    outputs = layers.Reshape(target)(SEQUENCES)
    np.testing.assert_array_equal(outputs, SEQUENCES.reshape(3, *target))


@pytest.mark.parametrize("dims", [(3, 1, 2), (1, 2, 3), (2, 3, 1)], ids=repr)
def test_permute_is_numpys_transpose(dims: tuple[int, ...]) -> None:
    np.testing.assert_array_equal(layers.Permute(dims)(IMAGES), IMAGES.transpose(0, *dims))


@pytest.mark.parametrize(
    "layer",
    [
        layers.Identity(),
        layers.Dropout(0.5),
        layers.AlphaDropout(0.5),
        layers.GaussianDropout(0.5),
        layers.GaussianNoise(0.5),
        layers.SpatialDropout1D(0.5),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layer_for_training_only_passes_predictions_through(layer: layers.Layer) -> None:
    np.testing.assert_array_equal(layer(SEQUENCES), SEQUENCES)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32])
def test_embedding_looks_up_integers_of_any_kind(dtype: type) -> None:
    layer = layers.Embedding(5, 3)
    ids = np.array([[0, 4, 2], [1, 1, 3]], dtype)
    outputs = layer(ids)
    table = layer.embeddings.numpy()
    np.testing.assert_array_equal(outputs, reference.embedding(ids, table))


@pytest.mark.parametrize("wrong", [-1, 5])
def test_embedding_refuses_an_id_outside_its_table(wrong: int) -> None:
    with pytest.raises(ValueError, match="input_dim"):
        layers.Embedding(5, 3)(np.array([[0, wrong]]))


@pytest.mark.parametrize("given", [list, np.asarray], ids=["list", "array"])
def test_embedding_takes_its_table_as_weights(given: Callable[..., object]) -> None:
    table = RANDOM.normal(size=(5, 3)).astype(np.float32)
    weights = [table] if given is list else table
    outputs = layers.Embedding(5, 3, weights=weights)(np.array([[2, 4]]))
    np.testing.assert_array_equal(outputs[0], table[[2, 4]])


def test_embedding_input_length_is_accepted_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="`input_length` has no effect"):
        layer = layers.Embedding(5, 3, input_length=10)
    assert "input_length" not in layer.get_config()


def test_leaky_relu_alpha_is_accepted_with_a_warning() -> None:
    with pytest.warns(UserWarning, match="`negative_slope`"):
        layer = layers.LeakyReLU(alpha=0.125)
    assert layer.get_config()["negative_slope"] == 0.125


def operations_of(layer: layers.Layer, *shapes: tuple[int, ...]) -> list[str]:
    graph = Graph()
    layer.lower(graph, *(graph.input(shape) for shape in shapes))
    return [type(operation.op).__name__ for operation in graph.operations]


@pytest.mark.parametrize("gates", [(8,), (1, 8), (1, 1, 8)])
def test_multiply_by_factors_of_channels_is_one_operation(gates: tuple[int, ...]) -> None:
    assert operations_of(layers.Multiply(), (6, 5, 8), gates) == ["Gate"]
    assert operations_of(layers.Multiply(), gates, (6, 5, 8)) == ["Gate"]


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "average", "maximum", "minimum"])
def test_merge_stretches_as_numpy_broadcasts(name: str) -> None:
    one, other = RANDOM.normal(size=(2, 3, 4, 1, 5)), RANDOM.normal(size=(2, 3, 1, 6, 5))
    one, other = one.astype(np.float32), other.astype(np.float32)
    twin = {"average": lambda a, b: (a + b) / 2}.get(name) or getattr(np, name)
    outputs = getattr(layers, name)([one, other])
    np.testing.assert_array_equal(outputs, twin(one, other))


def test_subtract_refuses_three_inputs() -> None:
    with pytest.raises(ValueError, match="two inputs"):
        layers.subtract([SEQUENCES, SEQUENCES, SEQUENCES])
