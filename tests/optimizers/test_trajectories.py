"""Optimizers and schedules against Keras on TensorFlow, over 50 steps, and their descriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast import optimizers
from cnnfast.optimizers import schedules
from tolerances import roundings
from trajectories import KEPT, SHAPES, STEPS, first_weights, gradients

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "optimizers.json").read_text())
CASES = GOLDEN["trajectories"]
SCHEDULES = GOLDEN["schedules"]


class Weight:
    """What an optimizer knows of a variable."""

    def __init__(self, value: np.ndarray, name: str) -> None:
        self.value, self.name, self.path, self.shape = value, name, name, value.shape

    def assign(self, value: np.ndarray) -> None:
        self.value = value


def case_name(case: dict[str, Any]) -> str:
    config = case["object"]["config"]
    unusual = [name for name, value in config.items() if value and name not in ("name",)]
    return f"{case['object']['class_name']}-{len(unusual)}"


def trained(optimizer: optimizers.Optimizer) -> tuple[list[Weight], list[list[np.ndarray]]]:
    """Do all steps; return the weights and what they were after those that Keras's were kept of."""
    weights = [Weight(value, f"weight_{i}") for i, value in enumerate(first_weights())]
    kept = []
    for step in range(STEPS):
        optimizer.apply(gradients(step), weights)
        if step + 1 in KEPT:
            kept.append([weight.value for weight in weights])
    return weights, kept


def bound(case: dict[str, Any]) -> float:
    """Bound the difference from Keras after all steps, per unit of what is compared.

    Both round every operation alike, so that most weights are equal to the bit. What may differ
    is the last bit of a power (of an accumulator, or of the rate of a schedule) and of a norm,
    once in each step.
    """
    config = case["object"]["config"]
    inexact = (
        config["clipnorm"]
        or config["global_clipnorm"]
        or isinstance(config["learning_rate"], dict)
        or config.get("learning_rate_power", -0.5) != -0.5
    )
    return STEPS if inexact else 0.5


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_weights_follow_those_of_keras(case: dict[str, Any]) -> None:
    _, kept = trained(optimizers.get(case["object"]))
    for found, expected in zip(kept, case["weights"], strict=True):
        for weight, exact in zip(found, expected, strict=True):
            magnitude = max(1.0, np.abs(exact).max())
            assert np.abs(weight - exact).max() <= roundings(bound(case), magnitude)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_state_and_last_weights_are_those_of_keras(case: dict[str, Any]) -> None:
    optimizer = optimizers.get(case["object"])
    weights, _ = trained(optimizer)
    # Keras counts variables without a name through the whole program.
    paths = [path.replace("variable_1", "variable") for path in case["paths"]]
    assert [variable.path for variable in optimizer.variables] == paths
    for variable, exact in zip(optimizer.variables, case["state"], strict=True):
        magnitude = max(1.0, np.abs(exact).max())
        assert np.abs(variable.numpy() - exact).max() <= roundings(bound(case), magnitude)
    optimizer.finalize_variable_values(weights)
    for weight, exact in zip(weights, case["final"], strict=True):
        magnitude = max(1.0, np.abs(exact).max())
        assert np.abs(weight.value - exact).max() <= roundings(bound(case), magnitude)


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_optimizer_from_keras_serializes_as_keras_does(case: dict[str, Any]) -> None:
    assert optimizers.serialize(optimizers.get(case["object"])) == case["object"]


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_steps_are_the_same_on_threads_and_instruction_sets(isa: str, case: dict[str, Any]) -> None:
    del isa
    ends = []
    for threads in (1, 2, 7):
        optimizer = optimizers.get(case["object"])
        weights = first_weights()
        optimizer.build(weights)
        buffers = [np.empty(shape, np.float32) for shape in SHAPES]
        steps = optimizer.prepare(weights, buffers)
        for step in range(10):
            for buffer, gradient in zip(buffers, gradients(step), strict=True):
                buffer[...] = gradient
            steps.run(threads)
        ends.append(np.concatenate([weight.ravel() for weight in weights]))
    np.testing.assert_array_equal(ends[0], ends[1])
    np.testing.assert_array_equal(ends[0], ends[2])


@pytest.mark.parametrize("case", CASES, ids=case_name)
def test_training_resumes_from_a_stored_state(case: dict[str, Any]) -> None:
    whole = optimizers.get(case["object"])
    expected, _ = trained(whole)
    first, second = optimizers.get(case["object"]), optimizers.get(case["object"])
    weights = [Weight(value, f"weight_{i}") for i, value in enumerate(first_weights())]
    store: dict[str, Any] = {}
    for step in range(20):
        first.apply(gradients(step), weights)
    first.save_own_variables(store)
    second.build(weights)
    second.load_own_variables(store)
    for step in range(20, STEPS):
        second.apply(gradients(step), weights)
    for found, exact in zip(weights, expected, strict=True):
        np.testing.assert_array_equal(found.value, exact.value)


@pytest.mark.parametrize("case", SCHEDULES, ids=case_name)
def test_schedule_gives_the_rates_of_keras(case: dict[str, Any]) -> None:
    schedule = schedules.deserialize(case["object"])
    rates = [schedule(step) for step in case["steps"]]
    assert all(isinstance(rate, np.float32) for rate in rates)
    # A power, a cosine or a logarithm, and the operations around it, of values up to 1.
    np.testing.assert_array_less(np.abs(np.subtract(rates, case["rates"])), roundings(8, 1.0))


@pytest.mark.parametrize("case", SCHEDULES, ids=case_name)
def test_schedule_from_keras_serializes_as_keras_does(case: dict[str, Any]) -> None:
    assert schedules.serialize(schedules.deserialize(case["object"])) == case["object"]
