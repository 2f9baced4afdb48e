"""The programs in `examples/`, with cnnfast and with Keras: equally good networks."""

from __future__ import annotations

import math
from statistics import fmean, variance
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest

import programs

pytestmark = pytest.mark.parity

SEEDS = (1, 2, 3)
# The difference of two means over three seeds, divided by its standard deviation as estimated
# from all six runs, follows Student's t with 4 degrees of freedom: it is beyond 5 once in 130.
# Networks that all miss the same samples of a small test hide how much chance there is; where it
# is more, the deviation of counting that many samples is taken.
FARTHEST = 5.0
# A step's sums have ten terms, forward and back, and its update some ten operations.
ROUNDINGS_A_STEP = 40


class Case(NamedTuple):
    """How to train a program's network, and on how many samples its accuracy was counted."""

    name: str
    arguments: dict[str, Any]
    samples: int


CASES = [
    Case("layer_options", {"epochs": 6}, 360),
    Case("measurements", {}, 36),
    Case("measurements", {"is_large": True}, 36),
    Case("mnist", {"epochs": 3}, 1000),
    Case("prices", {}, 1000),
    Case("reviews", {"epochs": 3}, 1000),
]


def accuracies(module: ModuleType, arguments: dict[str, Any]) -> list[float]:
    return [float(module.train(seed=seed, verbose=0, **arguments)) for seed in SEEDS]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join([case.name, *case.arguments]))
def test_program_with_keras_learns_as_much(case: Case, keras: ModuleType) -> None:
    assert keras.backend.backend() == "tensorflow"
    ours, theirs = (
        accuracies(programs.program(case.name, package), case.arguments)
        for package in ("cnnfast", "keras")
    )
    mean = fmean(ours + theirs)
    counted = 2 * mean * (1 - mean) / case.samples
    spread = math.sqrt(max(variance(ours) + variance(theirs), counted) / len(SEEDS))
    assert abs(fmean(ours) - fmean(theirs)) <= FARTHEST * spread


@pytest.mark.filterwarnings("ignore")
def test_measurements_from_the_same_weights_in_the_same_order_end_alike(
    keras: ModuleType,
) -> None:
    assert keras.backend.backend() == "tensorflow"
    module, other = (programs.program("measurements", name) for name in ("cnnfast", "keras"))
    rows, _, growers, _ = module.load()
    weights = module.build_small().get_weights()
    losses = []
    for each in (module, other):
        model = each.build_small()
        model.set_weights(weights)
        model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(rows, growers, epochs=50, shuffle=False, verbose=0)
        losses.append(history.history["loss"])
    steps = 50 * math.ceil(len(rows) / 32)
    np.testing.assert_allclose(*losses, rtol=steps * ROUNDINGS_A_STEP * 2.0**-24)


@pytest.mark.filterwarnings("ignore")
def test_pixels_from_the_same_weights_lose_the_same_in_every_epoch(keras: ModuleType) -> None:
    assert keras.backend.backend() == "tensorflow"
    module, other = (programs.program("pixels", package) for package in ("cnnfast", "keras"))
    weights = module.build().get_weights()
    ours, theirs = (each.train(verbose=0, weights=weights)[1] for each in (module, other))
    np.testing.assert_allclose(ours, theirs, rtol=len(ours) * ROUNDINGS_A_STEP * 2.0**-24)
