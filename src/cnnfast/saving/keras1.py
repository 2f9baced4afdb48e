"""The names that Keras 1 gave to layers and to their arguments, turned into those of Keras 2.

Source: the argument conversions that Keras 2.0 applied to Keras 1 calls.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cnnfast.saving.config import Config

CLASSES = {
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "Deconvolution2D": "Conv2DTranspose",
    "SeparableConvolution2D": "SeparableConv2D",
    "TimeDistributedDense": "Dense",
}
MERGE_MODES = {
    "ave": "Average",
    "concat": "Concatenate",
    "max": "Maximum",
    "mul": "Multiply",
    "sum": "Add",
}
DATA_FORMATS = {"tf": "channels_last", "th": "channels_first"}

_WEIGHTED = {
    "W_constraint": "kernel_constraint",
    "W_regularizer": "kernel_regularizer",
    "b_constraint": "bias_constraint",
    "b_regularizer": "bias_regularizer",
    "bias": "use_bias",
    "init": "kernel_initializer",
}
_CONVOLUTION = {
    **_WEIGHTED,
    "atrous_rate": "dilation_rate",
    "border_mode": "padding",
    "filter_length": "kernel_size",
    "nb_filter": "filters",
    "subsample": "strides",
    "subsample_length": "strides",
}
_POOLING = {"border_mode": "padding", "pool_length": "pool_size", "stride": "strides"}
_RENAMED: dict[str, dict[str, str]] = {
    "AveragePooling1D": _POOLING,
    "AveragePooling2D": _POOLING,
    "BatchNormalization": {"beta_init": "beta_initializer", "gamma_init": "gamma_initializer"},
    "Conv1D": _CONVOLUTION,
    "Conv2D": _CONVOLUTION,
    "Conv2DTranspose": _CONVOLUTION,
    "Conv3D": _CONVOLUTION,
    "Dense": {**_WEIGHTED, "output_dim": "units"},
    "Dropout": {"p": "rate"},
    "Embedding": {
        "W_constraint": "embeddings_constraint",
        "W_regularizer": "embeddings_regularizer",
        "init": "embeddings_initializer",
    },
    "GaussianDropout": {"p": "rate"},
    "GaussianNoise": {"sigma": "stddev"},
    "MaxPooling1D": _POOLING,
    "MaxPooling2D": _POOLING,
    "PReLU": {"init": "alpha_initializer"},
    "SpatialDropout1D": {"p": "rate"},
    "SpatialDropout2D": {"p": "rate"},
    "UpSampling1D": {"length": "size"},
}
_DROPPED = frozenset({"input_dtype", "input_length", "nb_row", "nb_col", "dim_ordering"})


def modernize(class_name: str, config: Config) -> tuple[str, Config]:
    """Rename the class and the arguments of one Keras 1 layer.

    Args:
        class_name: Class name in the file.
        config: Its arguments in the file.

    Returns:
        Class name and arguments of Keras 2; an unknown layer comes back as it was.

    Raises:
        ValueError: The layer computes something that later versions of Keras cannot.
    """
    if class_name == "Merge":
        return _merge(config)
    name = CLASSES.get(class_name, class_name)
    renames = _RENAMED.get(name, {})
    renamed = {renames.get(key, key): value for key, value in config.items()}
    if "nb_row" in config and "nb_col" in config:
        renamed["kernel_size"] = [config["nb_row"], config["nb_col"]]
    if "dim_ordering" in config:
        renamed["data_format"] = DATA_FORMATS.get(str(config["dim_ordering"]))
    if name == "ZeroPadding2D":
        renamed["padding"] = _padding(renamed.get("padding"))
    return name, _without_old(name, renamed)


def _without_old(name: str, config: Config) -> Config:
    dropped = set(_DROPPED)
    if name == "Embedding":
        _expect(name, config, "dropout", (0, 0.0, None))
        dropped.add("dropout")
    else:
        dropped.add("input_dim")
    if name == "BatchNormalization":
        _expect(name, config, "mode", (0, 2))
        dropped.add("mode")
    if name == "Conv2DTranspose":
        dropped.add("output_shape")
    return {key: value for key, value in config.items() if key not in dropped}


def _expect(name: str, config: Mapping[str, Any], key: str, allowed: tuple[Any, ...]) -> None:
    if key in config and config[key] not in allowed:
        raise ValueError(
            f"the Keras 1 layer {config.get('name')!r} ({name}) has {key}={config[key]!r}, "
            f"expected one of {allowed}"
        )


def _merge(config: Config) -> tuple[str, Config]:
    mode = config.get("mode")
    name = MERGE_MODES.get(mode) if isinstance(mode, str) else None
    if name is None:
        return "Merge", config
    merged: Config = {"name": config.get("name")}
    if name == "Concatenate":
        merged["axis"] = config.get("concat_axis", -1)
    return name, merged


def _padding(padding: Any) -> Any:
    if isinstance(padding, list) and len(padding) == 4:
        return [padding[:2], padding[2:]]
    return padding
