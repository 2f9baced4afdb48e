"""Every supported layer against the outputs that Keras gave (golden/make_parity.py)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tolerances
from cnnfast import layers

GOLDEN = Path(__file__).parents[1] / "golden"
EXACT = (
    "Flatten Reshape Permute Embedding Dropout Add Concatenate ZeroPadding1D ZeroPadding2D "
    "MaxPooling1D MaxPooling2D GlobalMaxPooling1D GlobalMaxPooling2D"
)
# No activation recorded behind a kernel is steeper than this.
STEEPEST_SLOPE = 1.2
# Keras rounds as well as we do.
BOTH_SIDES = 2
# Settings of Keras 3.15 that change no number and that its readers fill in when they are missing.
OPTIONAL_SETTINGS = {
    "input_axes",
    "output_axes",
    "quantization_config",
    "renorm",
    "renorm_clipping",
    "renorm_momentum",
    "synchronized",
}


@dataclass(frozen=True)
class Case:
    """One layer as Keras serialized it, with the arrays that went in and came out."""

    name: str
    layer: dict[str, Any]
    inputs: list[np.ndarray]
    weights: list[np.ndarray]
    output: np.ndarray

    @property
    def arguments(self) -> Any:
        return self.inputs if len(self.inputs) > 1 else self.inputs[0]

    def build(self) -> layers.Layer:
        """Make the layer from its configuration and give it the recorded weights."""
        layer = layers.deserialize(self.layer)
        shapes = [array.shape for array in self.inputs]
        layer.build(shapes if len(shapes) > 1 else shapes[0])
        layer.set_weights(self.weights)
        return layer


def read_cases() -> Iterator[Case]:
    """Cut the recorded values back into the arrays of each case."""
    with np.load(GOLDEN / "parity.npz") as file:
        values = file["values"]
    position = 0

    def take(shape: list[int]) -> np.ndarray:
        nonlocal position
        start, position = position, position + int(np.prod(shape))
        return values[start:position].reshape(shape)

    for record in json.loads((GOLDEN / "parity.json").read_text()):
        inputs = [take(shape) for shape in record["inputs"]]
        weights = [take(shape) for shape in record["weights"]]
        yield Case(record["name"], record["layer"], inputs, weights, take(record["output"]))
    assert position == values.size


CASES = list(read_cases())
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def kernel_bound(case: Case) -> np.ndarray:
    """Bound a layer with a kernel: its dot products, then its activation."""
    kernel = case.weights[0]
    length = int(np.prod(kernel.shape[:-1]))
    biases = np.abs(np.concatenate([np.zeros(1), *case.weights[1:]])).max()
    magnitude = tolerances.dot_magnitude(case.inputs[0], kernel) + biases
    products = STEEPEST_SLOPE * tolerances.float32_dot(length, magnitude)
    return products + tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, 1 + np.abs(case.output))


def normalization_bound(case: Case) -> np.ndarray:
    """Bound inputs * scale + shift: the terms before they cancel, and the folded factors."""
    config = case.layer["config"]
    *_, mean, variance = case.weights
    has_scale, has_center = config["scale"], config["center"]
    gamma = np.abs(case.weights[0]).max() if has_scale else 1.0
    beta = np.abs(case.weights[int(has_scale)]).max() if has_center else 0.0
    largest = np.abs(case.inputs[0]).max() + np.abs(mean).max()
    term = gamma * largest / np.sqrt(variance.min() + config["epsilon"])
    return tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, term + beta)


def bound(case: Case) -> np.ndarray:
    """Bound the difference between two correct float32 answers to a case."""
    kind = case.layer["class_name"]
    largest = np.abs(case.inputs[0]).max()
    if kind in EXACT.split():
        return np.zeros(())
    if kind in {"Dense", "Conv1D", "Conv2D"}:
        return BOTH_SIDES * kernel_bound(case)
    if kind == "BatchNormalization":
        return BOTH_SIDES * normalization_bound(case)
    if "Average" in kind:
        window = case.inputs[0].size // len(case.inputs[0])
        return BOTH_SIDES * tolerances.float32_sum(window, largest)
    terms = np.maximum(np.abs(case.output), 1 + largest)
    return BOTH_SIDES * tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, terms)


def unlike(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """List where two configurations differ beyond the optional settings."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        missing = [
            f"{path}.{key}" for key in theirs.keys() - ours.keys() if key not in OPTIONAL_SETTINGS
        ]
        extra = [f"{path}.{key}" for key in ours.keys() - theirs.keys()]
        shared = [unlike(ours[key], theirs[key], f"{path}.{key}") for key in ours.keys() & theirs]
        return missing + extra + [entry for entries in shared for entry in entries]
    return [] if ours == theirs else [f"{path}: {ours!r} != {theirs!r}"]


@every_case
def test_layer_from_keras_config_gives_keras_outputs(case: Case, isa: str) -> None:
    outputs = np.asarray(case.build()(case.arguments))
    assert outputs.shape == case.output.shape
    assert outputs.dtype == np.float32
    error = np.abs(outputs.astype(np.float64) - case.output)
    assert (error <= bound(case)).all(), f"largest error {error.max():.3g}, bound {bound(case)}"


@every_case
def test_layer_with_unknown_batch_predicts_its_output_shape(case: Case) -> None:
    shapes = [(None, *array.shape[1:]) for array in case.inputs]
    expected = (None, *case.output.shape[1:])
    shape = case.build().compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    assert tuple(shape) == expected


@every_case
def test_layer_rebuilt_from_keras_config_serializes_as_keras_does(case: Case) -> None:
    ours = json.loads(json.dumps(layers.serialize(layers.deserialize(case.layer))))
    ours.pop("build_config", None)
    assert unlike(ours, case.layer) == []


@every_case
def test_bound_of_a_case_is_tight_enough_to_reject_zeros(case: Case) -> None:
    """A bound so wide that a layer which does nothing would pass it proves nothing."""
    tolerance = np.broadcast_to(bound(case), case.output.shape)
    assert (np.abs(case.output) > tolerance).any()
