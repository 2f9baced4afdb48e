"""One layer with its arrays, and how far two correct float32 answers to it may lie apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import tolerances
from cnnfast import layers

GOLDEN = Path(__file__).parent / "golden"
EXACT = frozenset(
    {
        "Add",
        "Concatenate",
        "Cropping1D",
        "Cropping2D",
        "Dropout",
        "Embedding",
        "Flatten",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "MaxPooling1D",
        "MaxPooling2D",
        "Maximum",
        "Minimum",
        "Permute",
        "Reshape",
        "Subtract",
        "UpSampling1D",
        "ZeroPadding1D",
        "ZeroPadding2D",
    }
)
# No activation used behind a kernel is steeper than this.
STEEPEST_SLOPE = 1.2
# Keras rounds as well as we do.
BOTH_SIDES = 2


@dataclass(frozen=True)
class Case:
    """A layer as Keras serializes it, with the arrays that went in and came out."""

    name: str
    layer: dict[str, Any]
    inputs: list[np.ndarray]
    weights: list[np.ndarray]
    output: np.ndarray

    @property
    def arguments(self) -> Any:
        """The inputs as a layer takes them: one array, or a list."""
        return self.inputs if len(self.inputs) > 1 else self.inputs[0]

    def bound(self) -> np.ndarray:
        """Bound the difference between two correct float32 answers."""
        kind = self.layer["class_name"]
        largest = np.abs(self.inputs[0]).max()
        if kind in EXACT:
            return np.zeros(())
        if kind in {"Dense", "Conv1D", "Conv2D"}:
            return BOTH_SIDES * self._kernel_bound()
        if kind.startswith("DepthwiseConv"):
            return BOTH_SIDES * self._depthwise_bound()
        if kind.startswith("SeparableConv"):
            return BOTH_SIDES * self._separable_bound()
        if kind in {"Multiply", "Average"}:
            return BOTH_SIDES * tolerances.roundings(len(self.inputs) + 1, self._terms())
        if kind in {"Rescaling", "Normalization"}:
            return BOTH_SIDES * self._line_bound()
        if kind == "UpSampling2D":
            return BOTH_SIDES * tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, largest)
        if kind == "BatchNormalization":
            return BOTH_SIDES * self._normalization_bound()
        if "Average" in kind:
            window = self.inputs[0].size // len(self.inputs[0])
            return BOTH_SIDES * tolerances.float32_sum(window, largest)
        terms = np.maximum(np.abs(self.output), 1 + largest)
        return BOTH_SIDES * tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, terms)

    def _kernel_bound(self) -> np.ndarray:
        """Bound the dot products and what the activation makes of their error."""
        kernel = self.weights[0]
        length = int(np.prod(kernel.shape[:-1]))
        bias = np.abs(self.weights[1]).max() if len(self.weights) > 1 else 0.0
        magnitude = tolerances.dot_magnitude(self.inputs[0], kernel) + bias
        products = STEEPEST_SLOPE * tolerances.float32_dot(length, magnitude)
        own = tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, 1 + np.abs(self.output))
        return products + own

    def _depthwise_bound(self) -> np.ndarray:
        """Bound the dot products of single channels and what the activation makes of them."""
        bias = np.abs(self.weights[1]).max() if len(self.weights) > 1 else 0.0
        error, _ = self._depthwise_products(bias)
        own = tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, 1 + np.abs(self.output))
        return STEEPEST_SLOPE * error + own

    def _separable_bound(self) -> np.ndarray:
        """Bound dot products over channels that are wrong already."""
        pointwise = self.weights[1]
        bias = np.abs(self.weights[2]).max() if len(self.weights) > 2 else 0.0
        error, magnitude = self._depthwise_products(0.0)
        mixed = float(np.abs(pointwise).reshape(-1, pointwise.shape[-1]).sum(axis=0).max())
        products = tolerances.float32_dot(pointwise.shape[-2], magnitude * mixed + bias)
        own = tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, 1 + np.abs(self.output))
        return STEEPEST_SLOPE * (mixed * error + products) + own

    def _depthwise_products(self, bias: float) -> tuple[np.ndarray, float]:
        """Bound the error of the sums over a window, and their magnitude."""
        kernel = np.abs(self.weights[0])
        windows = kernel.reshape(-1, *kernel.shape[-2:])
        magnitude = float(np.abs(self.inputs[0]).max() * windows.sum(axis=0).max()) + bias
        return tolerances.float32_dot(len(windows), magnitude), magnitude

    def _terms(self) -> np.ndarray:
        """Give the size of what a merge computes with."""
        if self.layer["class_name"] == "Multiply":
            return np.abs(self.output)
        return np.max([np.abs(array).max() for array in self.inputs])

    def _line_bound(self) -> np.ndarray:
        """Bound inputs * scale + shift by its terms before they cancel."""
        config, largest = self.layer["config"], np.abs(self.inputs[0]).max()
        if self.layer["class_name"] == "Rescaling":
            term = np.abs(config["scale"]).max() * largest + np.abs(config["offset"]).max()
            return tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, term)
        mean, variance = self.weights[:2] if self.weights else (config["mean"], config["variance"])
        deviation = np.maximum(np.sqrt(variance), 1e-7)
        factor = deviation.max() if config["invert"] else (1 / deviation).max()
        term = factor * (largest + np.abs(mean).max())
        return tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, term + np.abs(mean).max())

    def _normalization_bound(self) -> np.ndarray:
        """Bound inputs * scale + shift by its terms before they cancel."""
        config = self.layer["config"]
        *_, mean, variance = self.weights
        has_scale, has_center = config["scale"], config["center"]
        gamma = np.abs(self.weights[0]).max() if has_scale else 1.0
        beta = np.abs(self.weights[int(has_scale)]).max() if has_center else 0.0
        largest = np.abs(self.inputs[0]).max() + np.abs(mean).max()
        term = gamma * largest / np.sqrt(variance.min() + config["epsilon"])
        return tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, term + beta)


def assert_close(outputs: np.ndarray, expected: np.ndarray, bound: np.ndarray) -> None:
    """Compare shapes, then values within an absolute bound, and say by how much they miss."""
    assert outputs.shape == expected.shape
    error = np.abs(outputs.astype(np.float64) - expected)
    excess = error - bound
    worst = np.unravel_index(np.argmax(excess), excess.shape) if excess.size else ()
    assert (excess <= 0).all(), (
        f"at {tuple(map(int, worst))}: got {outputs[worst]!r}, expected {expected[worst]!r}, "
        f"over the bound by {excess[worst]:.3g}"
    )


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


def build(case: Case) -> layers.Layer:
    """Make the layer from its configuration and give it the recorded weights."""
    layer = layers.deserialize(case.layer)
    shapes = [array.shape for array in case.inputs]
    layer.build(shapes if len(shapes) > 1 else shapes[0])
    layer.set_weights(case.weights)
    return layer
