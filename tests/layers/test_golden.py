"""Shapes, weights and configs of layers against what Keras says (golden/make_layers.py)."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast import layers

CASES = json.loads((Path(__file__).parents[1] / "golden" / "layers.json").read_text())
ACCEPTED = [case for case in CASES if "refused" not in case]
REFUSED = [case for case in CASES if "refused" in case]
# What the newest Keras writes and older ones refuse to read; it is left out unless it says more
# than its default.
NEWEST_ONLY = {
    "quantization_config": None,
    "input_axes": None,
    "output_axes": None,
    "renorm": False,
    "renorm_clipping": None,
    "renorm_momentum": 0.99,
}


def name_of(case: dict[str, Any]) -> str:
    options = ",".join(f"{name}={value}" for name, value in case["arguments"].items())
    return f"{case['class_name']}({options}){case['shapes']}"


def called(case: dict[str, Any]) -> tuple[layers.Layer, Any]:
    """Make a case's layer, with Keras's name for it, and call it."""
    inputs = [layers.Input(shape) for shape in case["shapes"]]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`alpha` is now")
        layer = getattr(layers, case["class_name"])(**case["arguments"])
    return layer, layer(inputs if len(inputs) > 1 else inputs[0])


def comparable(config: Any) -> Any:
    """Drop what only the newest Keras writes, and make lists and numbers those of a file.

    Keras keeps the factor of a regularizer in float32.
    """
    if isinstance(config, dict):
        return {
            name: comparable(value)
            for name, value in config.items()
            if name not in NEWEST_ONLY or value != NEWEST_ONLY[name]
        }
    if isinstance(config, list | tuple):
        return [comparable(value) for value in config]
    return np.float32(config) if isinstance(config, float) else config


EXPLANATIONS = ("Received: ", "received: ", "There is no activation", "Unrecognized keyword")

every_accepted = pytest.mark.parametrize("case", ACCEPTED, ids=name_of)


@every_accepted
def test_layer_called_has_keras_output_shape(case: dict[str, Any]) -> None:
    _, output = called(case)
    assert list(output.shape) == case["output"]


@every_accepted
def test_layer_built_has_keras_weights(case: dict[str, Any]) -> None:
    layer, _ = called(case)
    weights = [[weight.name, list(weight.shape), weight.trainable] for weight in layer.weights]
    assert weights == case["weights"]
    assert layer.count_params() == case["parameters"]


@every_accepted
def test_layer_config_has_keras_entries(case: dict[str, Any]) -> None:
    layer, _ = called(case)
    config = comparable(layer.get_config())
    expected = comparable(case["config"])
    ignored = {"dtype"} if "name" in case["arguments"] else {"dtype", "name"}
    ignored |= {"activity_regularizer"} - {key for key in expected if expected[key]}
    assert config.keys() - ignored == expected.keys() - ignored
    assert all(config[key] == expected[key] for key in expected.keys() - ignored)


@every_accepted
def test_layer_made_from_its_own_dict_is_the_same(case: dict[str, Any]) -> None:
    layer, output = called(case)
    described = json.loads(json.dumps(layers.serialize(layer)))
    twin = layers.deserialize(described)
    assert json.loads(json.dumps(layers.serialize(twin))) == described
    assert twin.compute_output_shape(layer.input_shape) == output.shape


@pytest.mark.parametrize("case", REFUSED, ids=name_of)
def test_layer_that_keras_refuses_is_refused_with_an_explanation(case: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        called(case)
    assert any(opening in str(caught.value) for opening in EXPLANATIONS)
