"""Record what Keras says about layers without running them, for tests/layers/test_golden.py.

Run with Keras 3 on its TensorFlow backend. Writes layers.json beside this file, one case per line:
a class, its arguments, the shapes it is called on (without the batch axis), and either what Keras
makes of them (output shape, weights, number of parameters, config) or that Keras refuses them.
"""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

HERE = Path(__file__).parent
Shapes = list[list[int | None]]
Case = tuple[str, dict[str, Any], Shapes]

LENGTH = [9, 4]
IMAGE = [7, 8, 6]


def dense_cases() -> Iterator[Case]:
    yield "Dense", {"units": 3}, [[5]]
    yield "Dense", {"units": 1, "activation": "softmax"}, [[None, 5]]
    yield "Dense", {"units": 4, "use_bias": False, "activation": "swish"}, [[2, None, 5]]
    yield (
        "Dense",
        {
            "units": 2,
            "kernel_initializer": "he_normal",
            "bias_initializer": "ones",
            "kernel_regularizer": "l2",
            "bias_regularizer": "l1",
            "activity_regularizer": "l2",
            "kernel_constraint": "max_norm",
            "bias_constraint": "non_neg",
            "name": "last",
            "trainable": False,
        },
        [[5]],
    )
    for units in (0, -2, 2.5, "3", None):
        yield "Dense", {"units": units}, [[5]]
    yield "Dense", {"units": 2, "activation": "LeakyReLU"}, [[5]]
    yield "Dense", {"units": 2, "unknown": 1}, [[5]]
    yield "Dense", {"units": 2}, [[None]]
    yield "Dense", {"units": 2}, [[]]


def core_cases() -> Iterator[Case]:
    for shape in ([], [4], [None, 3], [2, 3, 4], [None, None, 3]):
        yield "Flatten", {}, [shape]
    yield "Flatten", {"data_format": "channels_first"}, [[2, 3, 4]]
    yield "Flatten", {"data_format": "middle"}, [[2, 3, 4]]
    for target in ([2, 6], [-1], [3, -1, 2], [1, 12], [5], [5, -1], [-1, -1], [-2, 6]):
        yield "Reshape", {"target_shape": target}, [[4, 3]]
    yield "Reshape", {"target_shape": [2, -1]}, [[None, 3]]
    yield "Reshape", {"target_shape": [2, 3]}, [[None, 3]]
    for dims in ([2, 1], [1, 2], [0, 1], [1, 1], [2, 3], [1, 3, 2]):
        yield "Permute", {"dims": dims}, [[4, None]]
    yield "Permute", {"dims": [3, 1, 2]}, [[2, 3, 4]]
    for n in (1, 3, 0, -1, 2.0):
        yield "RepeatVector", {"n": n}, [[4]]
    yield "RepeatVector", {"n": 2}, [[4, 3]]
    yield "Identity", {}, [[4, 3]]
    for name in ("relu", "swish", "hard_swish", "softmax", "leaky_relu", "gelu", None, "nothing"):
        yield "Activation", {"activation": name}, [[4, 2]]


def noise_cases() -> Iterator[Case]:
    for rate in (0, 0.25, 1, -0.1, 1.5):
        yield "Dropout", {"rate": rate}, [[4]]
    yield "Dropout", {"rate": 0.5, "noise_shape": [None, 1, 3], "seed": 3}, [[4, 3]]
    yield "Dropout", {"rate": 0.5, "noise_shape": [None, 0, 3]}, [[4, 3]]
    yield "AlphaDropout", {"rate": 0.5, "seed": 1}, [[4]]
    yield "GaussianDropout", {"rate": 0.5}, [[4]]
    yield "GaussianNoise", {"stddev": 0.5}, [[4]]
    yield "GaussianNoise", {"stddev": 1.5}, [[4]]
    yield "SpatialDropout1D", {"rate": 0.5}, [[4, 3]]
    yield "SpatialDropout1D", {"rate": 0.5}, [[4]]
    yield "SpatialDropout2D", {"rate": 0.5, "data_format": "channels_first"}, [[4, 3, 2]]


def convolution_cases() -> Iterator[Case]:
    paddings, steps = ("valid", "same", "causal"), ((1, 1), (3, 1), (1, 2))
    for padding, (stride, dilation) in itertools.product(paddings, steps):
        options = {"padding": padding, "strides": stride, "dilation_rate": dilation}
        yield "Conv1D", {"filters": 5, "kernel_size": 3, **options}, [LENGTH]
        yield "Conv1D", {"filters": 5, "kernel_size": 3, **options}, [[None, 4]]
        yield "Conv2D", {"filters": 3, "kernel_size": [2, 3], **options}, [IMAGE]
    first = {"data_format": "channels_first"}
    yield "Conv1D", {"filters": 5, "kernel_size": 3, **first, "use_bias": False}, [LENGTH]
    yield "Conv2D", {"filters": 5, "kernel_size": 3, **first, "padding": "SAME"}, [[6, None, 8]]
    yield "Conv2D", {"filters": 4, "kernel_size": 3, "groups": 2, "activation": "relu"}, [IMAGE]
    yield "Conv2D", {"filters": 4, "kernel_size": 3, "groups": 3}, [IMAGE]
    yield "Conv2D", {"filters": 4, "kernel_size": 3, "groups": 4}, [IMAGE]
    yield "Conv2D", {"filters": 4, "kernel_size": 3, "groups": 0}, [IMAGE]
    yield "Conv2D", {"filters": 4, "kernel_size": [3, 9]}, [IMAGE]
    yield "Conv2D", {"filters": 4, "kernel_size": 3, "padding": "full"}, [IMAGE]
    yield "Conv2D", {"filters": 4, "kernel_size": 3, "data_format": "NHWC"}, [IMAGE]
    yield "Conv2D", {"filters": 4, "kernel_size": 3, "strides": [2, 1], "dilation_rate": 2}, [IMAGE]
    yield "Conv2D", {"filters": 4, "kernel_size": 3}, [LENGTH]
    yield "Conv2D", {"filters": 4, "kernel_size": 3}, [[7, 8, None]]
    yield "Conv2D", {"filters": 4, "kernel_size": 3, "kernel_regularizer": "l1"}, [IMAGE]
    for filters in (0, -3):
        yield "Conv1D", {"filters": filters, "kernel_size": 3}, [LENGTH]
    for size in (0, -1, 2.0, "a", [1, 2], None):
        yield "Conv1D", {"filters": 2, "kernel_size": size}, [LENGTH]
    yield "Conv1D", {"filters": 2, "kernel_size": 2, "strides": 0}, [LENGTH]
    yield "Conv1D", {"filters": 2, "kernel_size": 2, "dilation_rate": 0}, [LENGTH]
    yield "Conv1D", {"filters": 2, "kernel_size": 3}, [[2, 4]]
    for padding in (0, 2, [1, 3]):
        yield "ZeroPadding1D", {"padding": padding}, [[None, 3]]
    yield "ZeroPadding1D", {"padding": 2, **first}, [[3, 5]]
    for padding in (-1, [1, 2, 3]):
        yield "ZeroPadding1D", {"padding": padding}, [LENGTH]
    for padding in (2, [1, 3], [[1, 2], [3, 4]], [[1, 2], 3]):
        yield "ZeroPadding2D", {"padding": padding}, [[None, 5, 3]]
    yield "ZeroPadding2D", {"padding": [[1, 2], [0, 4]], **first}, [[3, 5, 6]]
    for padding in ([1, 2, 3], 1.5, "same"):
        yield "ZeroPadding2D", {"padding": padding}, [IMAGE]


def depthwise_cases() -> Iterator[Case]:
    first = {"data_format": "channels_first"}
    for rank, shape, size in ((1, LENGTH, 3), (2, IMAGE, [2, 3])):
        for padding, multiplier in itertools.product(("valid", "same"), (1, 2)):
            options = {"kernel_size": size, "padding": padding, "depth_multiplier": multiplier}
            yield f"DepthwiseConv{rank}D", options, [shape]
            yield f"SeparableConv{rank}D", {"filters": 5, **options, "strides": 2}, [shape]
        for name, options in (
            (f"DepthwiseConv{rank}D", {"kernel_size": 3}),
            (f"SeparableConv{rank}D", {"filters": 4, "kernel_size": 3}),
        ):
            yield name, {**options, **first}, [shape]
            yield name, {**options, "dilation_rate": 2, "activation": "relu"}, [shape]
            yield name, {**options, "use_bias": False}, [[*[None] * rank, 4]]
            yield name, options, [[*shape[:-1], None]]
            yield name, options, [shape[1:]]
            yield name, {**options, "kernel_regularizer": "l2"}, [shape]
            yield name, {**options, "groups": 2}, [shape]
            for wrong in (0, -1, 2.0):
                yield name, {**options, "depth_multiplier": wrong}, [shape]
                yield name, {**options, "kernel_size": wrong}, [shape]
                yield name, {**options, "strides": wrong}, [shape]
            yield name, {**options, "padding": "full"}, [shape]
            yield name, {**options, "kernel_size": 11}, [shape]
    yield "DepthwiseConv2D", {"kernel_size": 3, "padding": "causal"}, [IMAGE]
    yield "DepthwiseConv1D", {"kernel_size": 3, "padding": "causal"}, [LENGTH]
    yield "SeparableConv2D", {"filters": 2, "kernel_size": 3, "padding": "causal"}, [IMAGE]
    for filters in (0, -3):
        yield "SeparableConv1D", {"filters": filters, "kernel_size": 3}, [LENGTH]
    settings = {
        "depthwise_initializer": "he_normal",
        "bias_initializer": "ones",
        "depthwise_regularizer": "l2",
        "bias_regularizer": "l1",
        "activity_regularizer": "l2",
        "depthwise_constraint": "max_norm",
        "bias_constraint": "non_neg",
        "name": "separate",
        "trainable": False,
    }
    mixed = {
        "pointwise_initializer": "he_uniform",
        "pointwise_regularizer": "l1",
        "pointwise_constraint": "unit_norm",
    }
    yield "DepthwiseConv2D", {"kernel_size": 3, **settings}, [IMAGE]
    yield "SeparableConv2D", {"filters": 2, "kernel_size": 3, **settings, **mixed}, [IMAGE]


def pooling_cases() -> Iterator[Case]:
    for kind, padding in itertools.product(("Max", "Average"), ("valid", "same")):
        options = {"pool_size": 3, "padding": padding}
        yield f"{kind}Pooling1D", options, [LENGTH]
        yield f"{kind}Pooling1D", {**options, "strides": 1}, [[None, 4]]
        yield f"{kind}Pooling2D", {**options, "strides": [1, 2]}, [IMAGE]
        yield f"{kind}Pooling2D", {**options, "data_format": "channels_first"}, [[6, 7, None]]
    yield "MaxPooling1D", {}, [LENGTH]
    yield "MaxPooling2D", {}, [IMAGE]
    yield "MaxPooling2D", {"pool_size": [2, 3], "strides": 2}, [IMAGE]
    for size in (0, [2, 2], "2", 12):
        yield "MaxPooling1D", {"pool_size": size}, [LENGTH]
    yield "MaxPooling2D", {}, [LENGTH]
    for kind, data_format, keepdims in itertools.product(
        ("Max", "Average"), ("channels_last", "channels_first"), (False, True)
    ):
        options = {"data_format": data_format, "keepdims": keepdims}
        yield f"Global{kind}Pooling1D", options, [LENGTH]
        yield f"Global{kind}Pooling2D", options, [IMAGE]
    yield "GlobalAveragePooling1D", {}, [[None, 4]]
    yield "GlobalAveragePooling2D", {}, [LENGTH]


def weighted_cases() -> Iterator[Case]:
    yield "Embedding", {"input_dim": 7, "output_dim": 3}, [[5]]
    yield "Embedding", {"input_dim": 7, "output_dim": 3, "mask_zero": True}, [[None]]
    yield "Embedding", {"input_dim": 7, "output_dim": 3, "embeddings_regularizer": "l2"}, [[2, 4]]
    for size in (0, -1, 5.0, None):
        yield "Embedding", {"input_dim": size, "output_dim": 3}, [[5]]
        yield "Embedding", {"input_dim": 5, "output_dim": size}, [[5]]
    for axis in (-1, 1, 2, 3, -3):
        yield "BatchNormalization", {"axis": axis}, [IMAGE]
    yield "BatchNormalization", {}, [[4]]
    yield "BatchNormalization", {"scale": False}, [[None, 4]]
    yield "BatchNormalization", {"center": False, "momentum": 0.5, "epsilon": 0.1}, [[4]]
    yield "BatchNormalization", {"center": False, "scale": False}, [[4]]
    yield "BatchNormalization", {"renorm": True, "renorm_clipping": {"rmax": 2.5}}, [[4]]
    yield "BatchNormalization", {"renorm": True, "renorm_clipping": {"most": 2.5}}, [[4]]
    yield "BatchNormalization", {"gamma_constraint": "non_neg", "beta_regularizer": "l2"}, [[4]]
    yield "BatchNormalization", {}, [[None]]
    yield "BatchNormalization", {"axis": "last"}, [[4]]
    yield "PReLU", {}, [[4, 3]]
    yield "PReLU", {"shared_axes": [1, 2]}, [[None, None, 3]]
    yield "PReLU", {"shared_axes": 1, "alpha_initializer": "ones"}, [[4, 3]]
    yield "PReLU", {"shared_axes": [2], "alpha_regularizer": "l1"}, [[4, 3]]
    yield "PReLU", {}, [[None, 3]]


def activation_cases() -> Iterator[Case]:
    yield "ReLU", {}, [[4]]
    yield "ReLU", {"max_value": 6, "negative_slope": 0.25, "threshold": 0.5}, [[4]]
    for option in ("max_value", "negative_slope", "threshold"):
        yield "ReLU", {option: -1}, [[4]]
    yield "ReLU", {"threshold": None}, [[4]]
    yield "LeakyReLU", {}, [[4]]
    yield "LeakyReLU", {"negative_slope": 0.125}, [[4]]
    yield "LeakyReLU", {"alpha": 0.125}, [[4]]
    yield "LeakyReLU", {"negative_slope": -0.1}, [[4]]
    yield "LeakyReLU", {"negative_slope": None}, [[4]]
    yield "ELU", {"alpha": 0.5}, [[4]]
    yield "Softmax", {}, [[4]]
    yield "Softmax", {"axis": 1}, [[4, 3]]
    yield "Softmax", {"axis": [1, 2]}, [[4, 3]]


def merge_cases() -> Iterator[Case]:
    yield "Add", {}, [[4, 3], [4, 3], [4, 3]]
    yield "Add", {}, [[4, 3], [3]]
    yield "Add", {}, [[1, 3], [4, 1]]
    yield "Add", {}, [[None, 3], [None, 3]]
    yield "Add", {}, [[4, 3], [4, 2]]
    yield "Add", {}, [[4]]
    for axis in (-1, 1, 2, -2):
        yield "Concatenate", {"axis": axis}, [[4, 3], [4, 3]]
    yield "Concatenate", {}, [[4, 3], [4, 5], [4, 1]]
    yield "Concatenate", {"axis": 1}, [[None, 3], [4, 3]]
    yield "Concatenate", {}, [[None, 3], [4, 3]]
    yield "Concatenate", {"axis": 1}, [[4, 3], [4, 5]]
    yield "Concatenate", {}, [[4, 3], [4]]
    yield "Concatenate", {}, [[4, 3]]


def stretched_cases() -> Iterator[Case]:
    for name in ("Subtract", "Multiply", "Average", "Maximum", "Minimum"):
        yield name, {}, [[4, 3], [4, 3]]
        yield name, {}, [[4, 3], [3]]
        yield name, {}, [[None, 4, 3], [1, 1, 3]]
        yield name, {}, [[4, 3], [4, 2]]
        yield name, {}, [[4, 3], [4, 3], [4, 3]]
        yield name, {}, [[4]]


def preprocessing_cases() -> Iterator[Case]:
    yield "Rescaling", {"scale": 0.5}, [[4]]
    yield "Rescaling", {"scale": [0.5, 2.0], "offset": 1}, [[None, 4, 2]]
    for axis in (-1, 1, None, [1, 2], [-1, 1]):
        yield "Normalization", {"axis": axis}, [[4, 3]]
    yield "Normalization", {}, [[None, 3]]
    yield "Normalization", {"axis": 1}, [[None, 3]]
    yield "Normalization", {"axis": 3}, [[4, 3]]
    yield "Normalization", {"mean": 1.0, "variance": 2.0, "invert": True}, [[4, 3]]
    yield "Normalization", {"mean": [1, 2, 3], "variance": [2, 3, 4]}, [[4, 3]]
    yield "Normalization", {"mean": 1.0}, [[4, 3]]
    yield "Normalization", {"mean": [1.0, 2.0], "variance": 2.0}, [[4, 3]]
    yield "Normalization", {"mean": [1.0, 2.0], "variance": [2.0, 1.0]}, [[4, 3]]


def resizing_cases() -> Iterator[Case]:
    first = {"data_format": "channels_first"}
    for cropping in (0, 2, [1, 3], [5, 4], 5, -1, [1, 2, 3], "same"):
        yield "Cropping1D", {"cropping": cropping}, [LENGTH]
    yield "Cropping1D", {}, [[None, 3]]
    yield "Cropping2D", {}, [IMAGE]
    for cropping in (2, [1, 3], [[1, 2], [3, 4]], [[1, 2], 3], 4, [[7, 0], [0, 0]], [1], 1.5):
        yield "Cropping2D", {"cropping": cropping}, [IMAGE]
    yield "Cropping2D", {"cropping": [[1, 2], [0, 4]], **first}, [[3, None, 6]]
    for size in (1, 3, 0, -1, 2.0):
        yield "UpSampling1D", {"size": size}, [LENGTH]
    yield "UpSampling1D", {}, [[None, 3]]
    for size in (1, [2, 3], 0, [2], 1.5):
        yield "UpSampling2D", {"size": size}, [IMAGE]
    yield "UpSampling2D", {"interpolation": "bilinear", **first}, [[3, None, 6]]
    yield "UpSampling2D", {}, [LENGTH]


def all_cases() -> Iterator[Case]:
    yield from dense_cases()
    yield from core_cases()
    yield from noise_cases()
    yield from convolution_cases()
    yield from depthwise_cases()
    yield from pooling_cases()
    yield from weighted_cases()
    yield from activation_cases()
    yield from merge_cases()
    yield from stretched_cases()
    yield from preprocessing_cases()
    yield from resizing_cases()


def record(case: Case) -> dict[str, Any]:
    class_name, arguments, shapes = case
    recorded = {"class_name": class_name, "arguments": arguments, "shapes": shapes}
    keras.utils.clear_session()
    inputs = [keras.Input(shape) for shape in shapes]
    try:
        layer = getattr(keras.layers, class_name)(**arguments)
        output = layer(inputs if len(shapes) > 1 else inputs[0])
    except Exception:
        return {**recorded, "refused": True}
    return {
        **recorded,
        "output": list(output.shape),
        "weights": [
            [weight.name, list(weight.shape), weight.trainable] for weight in layer.weights
        ],
        "parameters": layer.count_params(),
        "config": {key: value for key, value in layer.get_config().items() if key != "dtype"},
    }


def main() -> None:
    warnings.simplefilter("ignore")
    lines = [json.dumps(record(case), separators=(",", ":")) for case in all_cases()]
    (HERE / "layers.json").write_text("[\n" + ",\n".join(lines) + "\n]\n")


if __name__ == "__main__":
    main()
