"""Record what Keras answers for about 230 small layers, for tests/parity/test_golden.py.

Run with Keras 3 on its TensorFlow backend. Writes beside this file:

    parity.json  one case per line: its name, the layer as Keras serializes it, and the shapes of
                 its inputs, weights and output
    parity.npz   `values`: every float32 array of every case, in that order, end to end

Inputs and weights are random multiples of 1/64 from a fixed seed, which keeps the files small.
Keras 3.15 computes sparsemax wrongly where two logits share the support (fixed upstream in
keras-team/keras#23469), so its inputs are spread out until one logit wins. On TensorFlow it
also adds the bias of a channels_first convolution along the wrong axis where the output is as
wide as it has channels; no case here is.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np

SEED = 7
GRID = 64
BATCH = 2
HERE = Path(__file__).parent
LENGTH = (11, 3)
IMAGE = (7, 6, 3)
IMAGE_FIRST = (3, 7, 6)

layers = keras.layers
Case = tuple[str, keras.layers.Layer, list[tuple[int, ...]]]

ACTIVATIONS = [
    "celu",
    "elu",
    "exponential",
    "gelu",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
]


def activation_cases() -> Iterator[Case]:
    """Every activation by its string, and the layers that are activations."""
    for name in ACTIVATIONS:
        yield f"activation_{name}", layers.Activation(name), [(4, 8)]
    yield "relu_plain", layers.ReLU(), [(5, 4)]
    yield "relu_six", layers.ReLU(max_value=6.0), [(5, 4)]
    yield "relu_leaky_capped", layers.ReLU(max_value=2.0, negative_slope=0.25), [(5, 4)]
    yield "relu_every_option", layers.ReLU(1.5, negative_slope=0.25, threshold=0.5), [(5, 4)]
    yield "leaky_relu_default", layers.LeakyReLU(), [(5, 4)]
    yield "leaky_relu_slope", layers.LeakyReLU(negative_slope=0.125), [(3, 4, 2)]
    yield "prelu_dense", layers.PReLU(), [(6,)]
    yield "prelu_image", layers.PReLU(), [(3, 4, 2)]
    yield "prelu_shared_pixels", layers.PReLU(shared_axes=[1, 2]), [(3, 4, 2)]
    yield "prelu_shared_rows", layers.PReLU(shared_axes=[1]), [(3, 4, 2)]
    yield "prelu_shared_channels", layers.PReLU(shared_axes=[3]), [(3, 4, 2)]
    yield "elu_default", layers.ELU(), [(5, 4)]
    yield "elu_alpha", layers.ELU(alpha=0.5), [(5, 4)]
    yield "softmax_last_axis", layers.Softmax(), [(4, 5)]
    yield "softmax_first_axis", layers.Softmax(axis=1), [(4, 5)]
    yield "softmax_middle_axis", layers.Softmax(axis=2), [(3, 4, 2)]
    yield "softmax_two_axes", layers.Softmax(axis=[1, 2]), [(3, 4, 2)]


def core_cases() -> Iterator[Case]:
    """Dense, Embedding and everything that only moves values."""
    yield "dense_vector", layers.Dense(5), [(7,)]
    yield "dense_no_bias", layers.Dense(4, use_bias=False), [(3,)]
    yield "dense_relu", layers.Dense(17, activation="relu"), [(9,)]
    yield "dense_softmax", layers.Dense(6, activation="softmax"), [(9,)]
    yield "dense_sequence", layers.Dense(3, activation="tanh"), [(4, 5)]
    yield "dense_image", layers.Dense(2), [(3, 4, 5)]
    yield "dense_one_unit", layers.Dense(1, activation="sigmoid"), [(33,)]
    yield "flatten_image", layers.Flatten(), [(3, 4, 2)]
    yield "flatten_vector", layers.Flatten(), [(5,)]
    yield "flatten_channels_first", layers.Flatten(data_format="channels_first"), [(2, 3, 4)]
    yield "reshape_explicit", layers.Reshape((4, 6)), [(3, 4, 2)]
    yield "reshape_unknown", layers.Reshape((-1, 4)), [(3, 4, 2)]
    yield "permute_two", layers.Permute((2, 1)), [(4, 5)]
    yield "permute_three", layers.Permute((3, 1, 2)), [(2, 3, 4)]
    yield "permute_swap_last", layers.Permute((1, 3, 2)), [(2, 3, 4)]
    yield "embedding_sequence", layers.Embedding(9, 4), [(6,)]
    yield "embedding_grid", layers.Embedding(5, 3), [(2, 3)]
    yield "dropout_inference", layers.Dropout(0.5), [(4, 3)]


def conv1d_cases() -> Iterator[Case]:
    """Conv1D: padding against strides, dilation, groups, activations, layout."""
    for padding in ("valid", "same", "causal"):
        for size, strides, dilation in ((1, 1, 1), (3, 1, 1), (4, 2, 1), (5, 3, 1), (3, 1, 2)):
            name = f"conv1d_{padding}_k{size}_s{strides}_d{dilation}"
            options = {"strides": strides, "dilation_rate": dilation, "padding": padding}
            yield name, layers.Conv1D(4, size, **options), [LENGTH]
    yield "conv1d_groups", layers.Conv1D(6, 3, groups=2), [(9, 4)]
    yield "conv1d_depthwise", layers.Conv1D(4, 3, groups=4, padding="same"), [(9, 4)]
    yield "conv1d_no_bias_elu", layers.Conv1D(5, 2, use_bias=False, activation="elu"), [LENGTH]
    yield "conv1d_wide", layers.Conv1D(33, 3, activation="relu"), [(6, 2)]
    yield "conv1d_one_channel", layers.Conv1D(16, 5, activation="relu"), [(13, 1)]
    yield "conv1d_whole_length", layers.Conv1D(3, 7), [(7, 2)]
    first = layers.Conv1D(4, 3, strides=2, padding="same", data_format="channels_first")
    yield "conv1d_channels_first", first, [(3, 10)]


def conv2d_cases() -> Iterator[Case]:
    """Conv2D: every small kernel size against padding, strides, dilation, groups, layout."""
    for size in range(1, 8):
        for padding, strides in (("same", 1), ("same", 2), ("valid", 1)):
            if padding == "valid" and size == 7:
                continue
            name = f"conv2d_{padding}_k{size}_s{strides}"
            conv = layers.Conv2D(2, size, strides=strides, padding=padding)
            yield name, conv, [(7, 6, 2)]
    yield "conv2d_oblong_kernel", layers.Conv2D(4, (2, 5), padding="same"), [IMAGE]
    yield "conv2d_oblong_strides", layers.Conv2D(4, 3, strides=(1, 2), padding="same"), [IMAGE]
    yield "conv2d_strides_beyond_kernel", layers.Conv2D(4, 1, strides=3), [IMAGE]
    yield "conv2d_dilated", layers.Conv2D(4, 3, dilation_rate=2), [IMAGE]
    yield "conv2d_dilated_same", layers.Conv2D(4, 3, dilation_rate=(2, 3), padding="same"), [IMAGE]
    yield "conv2d_dilated_even", layers.Conv2D(4, 2, dilation_rate=3, padding="same"), [IMAGE]
    yield "conv2d_groups", layers.Conv2D(6, 3, groups=3), [(5, 5, 6)]
    yield "conv2d_groups_strided", layers.Conv2D(4, 3, 2, "same", groups=2), [(5, 6, 4)]
    yield "conv2d_depthwise", layers.Conv2D(8, 3, groups=4, padding="same"), [(4, 5, 4)]
    yield "conv2d_no_bias", layers.Conv2D(4, 3, use_bias=False), [IMAGE]
    yield "conv2d_relu", layers.Conv2D(4, 3, activation="relu"), [IMAGE]
    yield "conv2d_gelu", layers.Conv2D(4, 3, padding="same", activation="gelu"), [IMAGE]
    yield "conv2d_softmax", layers.Conv2D(4, 3, activation="softmax"), [IMAGE]
    yield "conv2d_wide", layers.Conv2D(33, 3, padding="same", activation="relu"), [(4, 4, 1)]
    yield "conv2d_one_pixel", layers.Conv2D(3, 3, padding="same"), [(1, 1, 2)]
    first = {"data_format": "channels_first"}
    yield "conv2d_channels_first", layers.Conv2D(5, 3, **first), [IMAGE_FIRST]
    same = layers.Conv2D(4, (3, 2), strides=2, padding="same", activation="relu", **first)
    yield "conv2d_channels_first_same", same, [IMAGE_FIRST]


def pooling_cases() -> Iterator[Case]:
    """Every pooling layer: windows against strides and padding, uneven sizes, layout."""
    for kind in ("Max", "Average"):
        one = getattr(layers, f"{kind}Pooling1D")
        two = getattr(layers, f"{kind}Pooling2D")
        name = kind.lower()
        for padding in ("valid", "same"):
            for size, strides in ((2, None), (3, 1), (3, 2), (4, 3), (5, 5)):
                options = {"pool_size": size, "strides": strides, "padding": padding}
                yield f"{name}1d_{padding}_k{size}_s{strides}", one(**options), [LENGTH]
            for size, strides in (((2, 2), None), ((3, 2), (1, 2)), ((3, 3), (2, 2)), ((4, 4), 3)):
                options = {"pool_size": size, "strides": strides, "padding": padding}
                label = f"{name}2d_{padding}_k{size[0]}{size[1]}_s{strides}".replace(" ", "")
                yield label, two(**options), [(7, 6, 2)]
        first = two(2, padding="same", data_format="channels_first")
        yield f"{name}2d_channels_first", first, [IMAGE_FIRST]
        first = one(2, data_format="channels_first")
        yield f"{name}1d_channels_first", first, [(3, 7)]
        for rank, shape in ((1, LENGTH), (2, IMAGE)):
            whole = getattr(layers, f"Global{kind}Pooling{rank}D")
            yield f"global_{name}{rank}d", whole(), [shape]
            yield f"global_{name}{rank}d_keepdims", whole(keepdims=True), [shape]
            first = whole(data_format="channels_first")
            yield f"global_{name}{rank}d_channels_first", first, [shape]


def other_cases() -> Iterator[Case]:
    """Normalization, zero padding and layers that merge."""
    norm = layers.BatchNormalization
    yield "batchnorm_vector", norm(), [(6,)]
    yield "batchnorm_image", norm(), [IMAGE]
    yield "batchnorm_axis_one", norm(axis=1), [IMAGE_FIRST]
    yield "batchnorm_sequence_axis_one", norm(axis=1), [LENGTH]
    yield "batchnorm_no_scale", norm(scale=False), [LENGTH]
    yield "batchnorm_no_center", norm(center=False, epsilon=0.01), [LENGTH]
    yield "batchnorm_bare", norm(scale=False, center=False), [LENGTH]
    yield "zero_padding1d_even", layers.ZeroPadding1D(2), [LENGTH]
    yield "zero_padding1d_uneven", layers.ZeroPadding1D((0, 3)), [LENGTH]
    yield "zero_padding2d_int", layers.ZeroPadding2D(1), [(3, 4, 2)]
    yield "zero_padding2d_pair", layers.ZeroPadding2D((1, 2)), [(3, 4, 2)]
    yield "zero_padding2d_four", layers.ZeroPadding2D(((1, 0), (2, 3))), [(3, 4, 2)]
    first = layers.ZeroPadding2D(((1, 0), (0, 2)), data_format="channels_first")
    yield "zero_padding2d_channels_first", first, [(2, 3, 4)]
    yield "add_two", layers.Add(), [(3, 4), (3, 4)]
    yield "add_three", layers.Add(), [(2, 3, 2)] * 3
    yield "concatenate_last", layers.Concatenate(), [(3, 2), (3, 4)]
    yield "concatenate_rows", layers.Concatenate(axis=1), [(2, 3, 2), (4, 3, 2)]
    yield "concatenate_three", layers.Concatenate(axis=2), [(2, 3, 2), (2, 1, 2), (2, 2, 2)]


def depthwise_cases() -> Iterator[Case]:
    """Depthwise and separable convolutions, in one dimension and two."""
    one, two = layers.DepthwiseConv1D, layers.DepthwiseConv2D
    yield "depthwise1d_valid", one(3), [LENGTH]
    yield "depthwise1d_same_strided", one(4, strides=2, padding="same"), [LENGTH]
    yield "depthwise1d_multiplier", one(3, depth_multiplier=3, activation="tanh"), [LENGTH]
    yield "depthwise1d_dilated", one(3, dilation_rate=3, padding="same"), [LENGTH]
    yield "depthwise1d_channels_first", one(3, data_format="channels_first"), [(3, 10)]
    yield "depthwise2d_valid", two(3), [IMAGE]
    yield "depthwise2d_same", two(3, padding="same", activation="relu"), [IMAGE]
    yield "depthwise2d_same_strided", two(3, strides=2, padding="same"), [IMAGE]
    yield "depthwise2d_valid_strided", two((2, 3), strides=2), [IMAGE]
    yield "depthwise2d_five", two(5, padding="same", use_bias=False), [IMAGE]
    yield "depthwise2d_five_strided", two(5, strides=2, padding="same"), [(9, 8, 3)]
    yield "depthwise2d_multiplier", two(3, depth_multiplier=2, padding="same"), [IMAGE]
    yield "depthwise2d_multiplier_strided", two(2, 2, depth_multiplier=3), [IMAGE]
    yield "depthwise2d_dilated", two(3, dilation_rate=2, padding="same"), [IMAGE]
    yield "depthwise2d_wide", two(3, padding="same", activation="relu6"), [(6, 7, 37)]
    yield "depthwise2d_softmax", two(3, activation="softmax"), [IMAGE]
    first = {"data_format": "channels_first"}
    yield "depthwise2d_channels_first", two(3, depth_multiplier=2, **first), [IMAGE_FIRST]
    one, two = layers.SeparableConv1D, layers.SeparableConv2D
    yield "separable1d_valid", one(5, 3), [LENGTH]
    yield "separable1d_same_strided", one(4, 3, strides=2, padding="same"), [LENGTH]
    yield "separable1d_multiplier", one(4, 5, depth_multiplier=2, activation="relu"), [LENGTH]
    yield "separable1d_dilated", one(4, 3, dilation_rate=2, use_bias=False), [LENGTH]
    yield "separable1d_channels_first", one(4, 3, **first), [(3, 10)]
    yield "separable2d_valid", two(5, 3), [IMAGE]
    yield "separable2d_same", two(4, 3, padding="same", activation="relu"), [IMAGE]
    yield "separable2d_same_strided", two(4, 3, strides=2, padding="same"), [IMAGE]
    yield "separable2d_multiplier", two(4, (2, 3), depth_multiplier=3), [IMAGE]
    yield "separable2d_dilated", two(4, 3, dilation_rate=2, padding="same"), [IMAGE]
    yield "separable2d_no_bias", two(7, 3, use_bias=False, activation="gelu"), [IMAGE]
    yield "separable2d_channels_first", two(5, 3, padding="same", **first), [IMAGE_FIRST]


def merge_cases() -> Iterator[Case]:
    """Every merge element by element, and the factors of squeeze and excitation."""
    same = [(2, 3, 2), (2, 3, 2)]
    yield "subtract_two", layers.Subtract(), same
    yield "subtract_stretched", layers.Subtract(), [(1, 3), (4, 1)]
    for name in ("Multiply", "Average", "Maximum", "Minimum"):
        layer = getattr(layers, name)
        yield f"{name.lower()}_two", layer(), same
        yield f"{name.lower()}_three", layer(), [(5, 4)] * 3
        yield f"{name.lower()}_stretched", layer(), [(4, 3, 2), (1, 1, 2)]
        yield f"{name.lower()}_of_ranks", layer(), [(2,), (4, 3, 2)]
    yield "multiply_gate_first", layers.Multiply(), [(1, 1, 17), (3, 4, 17)]
    yield "multiply_by_a_map", layers.Multiply(), [(3, 4, 5), (3, 4, 1)]
    yield "multiply_of_vectors", layers.Multiply(), [(7,), (7,)]


def preprocessing_cases() -> Iterator[Case]:
    """Rescaling and Normalization, with one number and with many."""
    yield "rescaling_scale", layers.Rescaling(1 / 255), [IMAGE]
    yield "rescaling_offset", layers.Rescaling(0.25, offset=-1.5), [(5,)]
    yield "rescaling_channels", layers.Rescaling([0.5, 2.0, -1.0], [1.0, 0.0, 3.0]), [IMAGE]
    norm = layers.Normalization
    yield "normalization_last", norm(), [IMAGE]
    yield "normalization_vector", norm(), [(6,)]
    yield "normalization_none", norm(axis=None), [LENGTH]
    yield "normalization_first", norm(axis=1), [LENGTH]
    yield "normalization_two_axes", norm(axis=(1, 3)), [IMAGE]
    yield "normalization_all_axes", norm(axis=(1, 2, 3)), [(2, 3, 2)]
    yield "normalization_inverted", norm(invert=True), [LENGTH]
    yield "normalization_number", norm(mean=0.5, variance=2.25), [IMAGE]
    yield "normalization_numbers", norm(mean=[0.5, 1.0, 2.0], variance=[1.0, 4.0, 0.0]), [IMAGE]
    yield "normalization_mean_of_none", norm(axis=None, mean=3.0, variance=4.0), [LENGTH]


def resizing_cases() -> Iterator[Case]:
    """Cropping and upsampling."""
    first = {"data_format": "channels_first"}
    yield "cropping1d", layers.Cropping1D(2), [LENGTH]
    yield "cropping1d_uneven", layers.Cropping1D((0, 3)), [LENGTH]
    yield "cropping2d_int", layers.Cropping2D(1), [IMAGE]
    yield "cropping2d_pair", layers.Cropping2D((1, 2)), [IMAGE]
    yield "cropping2d_four", layers.Cropping2D(((1, 0), (2, 3))), [IMAGE]
    yield "cropping2d_first", layers.Cropping2D(((1, 0), (0, 2)), **first), [IMAGE_FIRST]
    yield "upsampling1d", layers.UpSampling1D(3), [LENGTH]
    yield "upsampling2d_nearest", layers.UpSampling2D((2, 3)), [IMAGE]
    yield "upsampling2d_first", layers.UpSampling2D(2, **first), [IMAGE_FIRST]
    for size in (2, 3, (1, 4)):
        name = f"upsampling2d_bilinear_{size}".replace(" ", "")
        yield name, layers.UpSampling2D(size, interpolation="bilinear"), [IMAGE]


def masking_cases() -> Iterator[Case]:
    """Masking of sequences and of images of them."""
    yield "masking_zero", layers.Masking(), [(6, 3)]
    yield "masking_value", layers.Masking(-0.5), [(2, 4, 1)]


FAMILIES: list[Callable[[], Iterator[Case]]] = [
    activation_cases,
    core_cases,
    conv1d_cases,
    conv2d_cases,
    pooling_cases,
    other_cases,
    depthwise_cases,
    merge_cases,
    preprocessing_cases,
    resizing_cases,
    masking_cases,
]


def on_grid(values: np.ndarray) -> np.ndarray:
    """Round to the multiples of 1 / GRID, which compress well and are exact in float32."""
    return (np.round(values * GRID) / GRID).astype(np.float32)


def make_inputs(name: str, layer: keras.layers.Layer, shape: tuple[int, ...], random) -> np.ndarray:
    """Draw one input array that suits the layer."""
    if isinstance(layer, layers.Embedding):
        return random.integers(0, layer.input_dim, (BATCH, *shape)).astype(np.float32)
    if name == "activation_sparsemax":
        order = random.permuted(np.tile(np.arange(shape[-1]), (BATCH, *shape[:-1], 1)), axis=-1)
        return (1.5 * order - 4).astype(np.float32)
    values = on_grid(2.0 * random.normal(size=(BATCH, *shape)))
    if isinstance(layer, layers.Masking):
        values[random.random(size=values.shape[:-1]) < 0.5] = layer.mask_value
    return values


def make_weights(layer: keras.layers.Layer, random) -> list[np.ndarray]:
    """Draw the layer's weights; variances are positive."""
    weights = [on_grid(random.normal(size=variable.shape)) for variable in layer.weights]
    if isinstance(layer, layers.BatchNormalization):
        weights[-1] = np.abs(weights[-1]) + np.float32(0.25)
    if isinstance(layer, layers.Normalization) and weights:
        weights[1:] = [np.abs(weights[1]) + np.float32(0.25), np.zeros((), np.float32)]
    return weights


def run_case(case: Case, random) -> tuple[dict, list[np.ndarray]]:
    """Build one layer, call it, and describe the arrays it used and gave."""
    name, layer, shapes = case
    inputs = [make_inputs(name, layer, shape, random) for shape in shapes]
    arguments = inputs if len(inputs) > 1 else inputs[0]
    layer(arguments)
    weights = make_weights(layer, random)
    layer.set_weights(weights)
    if isinstance(layer, layers.Normalization):
        layer.finalize_state()
    outputs = np.asarray(layer(arguments), np.float32)
    record = {
        "name": name,
        "layer": keras.layers.serialize(layer),
        "inputs": [array.shape for array in inputs],
        "weights": [array.shape for array in weights],
        "output": outputs.shape,
    }
    record["layer"].pop("build_config", None)
    return record, [*inputs, *weights, outputs]


def main() -> None:
    """Run every case and write both files."""
    random = np.random.default_rng(SEED)
    records, arrays = [], []
    for family in FAMILIES:
        for case in family():
            record, used = run_case(case, random)
            records.append(json.dumps(record, separators=(",", ":")))
            arrays += used
    values = np.concatenate([array.ravel() for array in arrays])
    (HERE / "parity.json").write_text("[\n" + ",\n".join(records) + "\n]\n")
    np.savez_compressed(HERE / "parity.npz", values=values)
    print(f"{len(records)} cases, {values.size} values, keras {keras.__version__}")


if __name__ == "__main__":
    main()
