"""The rules of optimizers of the NEON table against their twins."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
import updates
from neonharness import Harness, assert_within, normal

pytestmark = pytest.mark.neon


def test_update_every_rule_equals_its_twin(harness: Harness) -> None:
    assert set(harness.names("update")) == set(updates.RULES)
    for name in harness.names("update"):
        for size in harness.sizes():
            numbers, arrays = updates.arguments(name, size)
            found = harness.run("update", name, (size,), numbers, *arrays)
            exact = np.concatenate(updates.expected(name, numbers, arrays))
            inexact = name == updates.INEXACT
            error = tolerances.roundings(64, 20 * np.abs(exact).max()) if inexact else 0.0
            assert_within(found, exact, error)


@pytest.mark.parametrize("name", ["momentum", "nesterov", "rmsprop"])
def test_replay_equals_steps_without_a_gradient(harness: Harness, name: str) -> None:
    for size in (*harness.sizes(), 4 * harness.lanes + 3, 8 * harness.lanes):
        numbers, (weights, _, state) = updates.arguments(name, size)
        found = harness.run("replay", name, (size, 5), numbers, weights, state)
        nothing = np.zeros_like(weights)
        for _ in range(5):
            weights, state = updates.expected(name, numbers, [weights, nothing, state])
        assert_within(found, np.concatenate([weights, state]), 0.0)


def test_clip_any_length_equals_numpy(harness: Harness, rng: np.random.Generator) -> None:
    for size in harness.sizes():
        gradient = normal(rng, size)
        found = harness.run("clip", "clip", (), [2.0, 3.0, 0.5], gradient)
        exact = np.clip(gradient * np.float32(2) / np.float32(3), -0.5, 0.5)
        assert_within(found, exact.astype(np.float32), 0.0)


def test_squares_any_length_match_numpy(harness: Harness, rng: np.random.Generator) -> None:
    for size in harness.sizes():
        gradient = normal(rng, size)
        exact = np.square(gradient.astype(np.float64)).sum(keepdims=True)
        found = harness.run("squares", "squares", (), gradient)
        assert_within(found, exact, tolerances.float32_sum(size + 1, exact))
