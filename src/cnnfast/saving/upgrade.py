"""Configurations of all generations of Keras rewritten into the form that Keras 3 has today.

Each step is a small rule on one layer: a key that moved, a key that says nothing any more, a
value that was written differently. What is left over after them is an argument that the layer's
constructor accepts or refuses by name.
"""

from __future__ import annotations

from typing import Any

from cnnfast.models.mask_operations import without_mask_operations
from cnnfast.saving import keras1
from cnnfast.saving.config import Config, is_model, model_layers
from cnnfast.saving.operations import as_layer

_CLASSES: dict[str, str] = dict.fromkeys(
    ("BatchNormalizationV1", "BatchNormalizationV2"), "BatchNormalization"
)
_TUPLES = ("__tuple__", "TensorShape")
_ARRAYS = ("__numpy__", "__ndarray__", "__tensor__")
_INPUT_SHAPES = ("batch_input_shape", "batch_shape")
_MODEL_KEYS = ("name", "trainable", "input_layers", "output_layers")
_ACTIVATIONS = ("activation", "recurrent_activation")

# Arguments that later versions dropped, with the values under which a layer computes the same
# without them; None in the second place means under any value.
_OBSOLETE: dict[str, dict[str, tuple[Any, ...] | None]] = {
    "BatchNormalization": {
        "adjustment": (None,),
        "fused": None,
        "synchronized": None,
        "virtual_batch_size": (None,),
    },
    "Embedding": {"input_length": None, "sparse": None},
}
_OBSOLETE_EVERYWHERE: dict[str, tuple[Any, ...] | None] = {
    "implementation": None,
    "input_dtype": None,
    "lora_alpha": (None,),
    "lora_rank": (None,),
    "quantization_config": (None,),
}
_TRANSPOSED = ("Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose")
_DEPTHWISE = ("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D")
_DEPTHWISE_UNUSED = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
# Layers that had no `data_format` in old versions and always computed with the channels last.
_CHANNELS_LAST = (
    "AveragePooling1D",
    "Conv1D",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalMaxPooling1D",
    "MaxPooling1D",
)


def generation(version: str | None, default: int) -> int:
    """Return the major version of the Keras that wrote a file.

    Args:
        version: Its full version, such as "2.2.4-tf", or None where the file has none.
        default: Major version of files without a version.

    Raises:
        ValueError: The version does not begin with a number.
    """
    if version is None:
        return default
    major = version.partition(".")[0]
    if not (major.isascii() and major.isdigit()):
        raise ValueError(f"the Keras version {version[:40]!r} does not begin with a number")
    return int(major)


def modernize(entry: Config, major: int) -> Config:
    """Rewrite the entry of a model, or of a layer, into the form of Keras 3.

    Args:
        entry: {"class_name": ..., "config": ...}, as the file has it.
        major: Major version of the Keras that wrote it.

    Returns:
        A new entry.

    Raises:
        ValueError: The entry uses an option that no later version of Keras has.
    """
    plain: Config = plain_values(entry)
    return _model(plain, major) if is_model(plain) else _layer(plain, major)


def plain_values(value: Any) -> Any:
    """Replace the JSON forms of tuples, arrays and NumPy numbers by lists and numbers."""
    if isinstance(value, list):
        return [plain_values(item) for item in value]
    if not isinstance(value, dict):
        return value
    class_name = value.get("class_name")
    if class_name in _TUPLES and isinstance(value.get("items"), list):
        return plain_values(value["items"])
    config = value.get("config")
    if class_name in _ARRAYS and isinstance(config, dict) and "value" in config:
        return config["value"]
    if value.keys() == {"type", "value"}:
        return value["value"]
    return {key: plain_values(item) for key, item in value.items()}


def _model(entry: Config, major: int) -> Config:
    config = entry["config"] if isinstance(entry["config"], dict) else {}
    config = dict(without_mask_operations(config))
    entry = {**entry, "config": config} if config else entry
    layers = [
        _layer_of_model(layer, major, is_first=not position)
        for position, layer in enumerate(model_layers(entry))
    ]
    kept = {key: config[key] for key in _MODEL_KEYS if key in config}
    is_sequential = entry["class_name"] == "Sequential"
    if is_sequential:
        layers = _with_input_shape(layers, config.get("build_input_shape"))
    return {
        **_without(entry, ("build_config", "compile_config")),
        "class_name": "Sequential" if is_sequential else "Functional",
        "config": {**kept, "layers": layers},
    }


def _layer_of_model(entry: Config, major: int, is_first: bool) -> Config:
    """Rewrite a layer inside a model; only the first may declare the shape of its input."""
    if is_model(entry):
        return _model(entry, major)
    layer = _layer(entry, major)
    if is_first or layer["class_name"] == "InputLayer":
        return layer
    return {**layer, "config": _without(layer["config"], _INPUT_SHAPES)}


def _with_input_shape(layers: list[Config], shape: Any) -> list[Config]:
    """Give the first layer the shape that a Sequential without an input layer was built for."""
    if not layers or not isinstance(shape, list) or not shape or is_model(layers[0]):
        return layers
    first = layers[0]["config"]
    if layers[0]["class_name"] == "InputLayer" or any(first.get(key) for key in _INPUT_SHAPES):
        return layers
    declared = {**first, "batch_input_shape": [None, *shape[1:]]}
    return [{**layers[0], "config": declared}, *layers[1:]]


def _layer(entry: Config, major: int) -> Config:
    entry = as_layer(entry)
    class_name: str = entry["class_name"]
    class_name = _CLASSES.get(class_name, class_name)
    config = dict(entry["config"]) if isinstance(entry["config"], dict) else {}
    if major == 1:
        class_name, config = keras1.modernize(class_name, config)
    config = _without_obsolete(class_name, config)
    if class_name == "InputLayer" and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if class_name == "LeakyReLU" and "alpha" in config:
        config["negative_slope"] = config.pop("alpha")
    if class_name == "BatchNormalization":
        config["axis"] = _only_item(config.get("axis", -1))
    if class_name in _CHANNELS_LAST and major < 3:
        config.setdefault("data_format", "channels_last")
    for key in _ACTIVATIONS:
        if key in config:
            config[key] = _activation(config[key], major)
    return {**_without(entry, ("build_config",)), "class_name": class_name, "config": config}


def _without_obsolete(class_name: str, config: Config) -> Config:
    obsolete = {**_OBSOLETE_EVERYWHERE, **_OBSOLETE.get(class_name, {})}
    if class_name in _TRANSPOSED + _DEPTHWISE:
        obsolete["groups"] = (1,)
    if class_name in _DEPTHWISE:
        obsolete |= dict.fromkeys(_DEPTHWISE_UNUSED)
    for key, harmless in obsolete.items():
        if key in config and harmless is not None and config[key] not in harmless:
            raise ValueError(
                f"layer {config.get('name')!r} ({class_name}) has {key}={config[key]!r}, "
                f"which is not supported"
            )
    return {key: value for key, value in config.items() if key not in obsolete}


def _activation(activation: Any, major: int) -> Any:
    if isinstance(activation, dict) and activation.get("class_name") == "function":
        activation = activation.get("config")
    if activation == "hard_sigmoid" and major < 3:
        return "hard_sigmoid_legacy"
    return activation


def _only_item(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _without(config: Config, keys: tuple[str, ...]) -> Config:
    return {key: value for key, value in config.items() if key not in keys}
