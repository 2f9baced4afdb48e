"""Training next to Keras's own: same first weights, same batches, 50 steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import cnnfast
import tolerances
from cnnfast.models import model_from_json

GOLDEN = Path(__file__).parents[1] / "golden"
BATCH = 8
STEPS = 50
# Both sides compute in float32 with sums in other orders: a step may add four roundings of a
# weight, and what is there goes on. (Measured: 10 roundings in all.) A wrong gradient shows in the
# first step, by the learning rate times its own size, 1e-3 at least.
GROWTH = tolerances.UNIT_ROUNDOFF * 4 * STEPS


class Case(NamedTuple):
    name: str
    record: dict[str, Any]
    x: np.ndarray
    y: np.ndarray
    before: list[np.ndarray]
    after: list[np.ndarray]


def read_cases(name: str) -> list[Case]:
    with np.load(GOLDEN / f"{name}.npz") as file:
        values = file["values"]
    position = 0

    def take(shape: list[int]) -> np.ndarray:
        nonlocal position
        start, position = position, position + int(np.prod(shape))
        return values[start:position].reshape(shape)

    cases = []
    for record in json.loads((GOLDEN / f"{name}.json").read_text()):
        x, y = take(record["x"]), take(record["y"])
        before = [take(shape) for shape in record["weights"]]
        after = [take(shape) for shape in record["weights"]]
        cases.append(Case(record["name"], record, x, y, before, after))
    return cases


FILES = ("training", "training_choices", "training_layers", "training_modes")
CASES = [case for name in FILES for case in read_cases(name)]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def compiled(case: Case) -> Any:
    model = model_from_json(json.dumps(case.record["model"]))
    model.set_weights(case.before)
    model.compile(**case.record["arguments"])
    return model


def train(model: Any, case: Case) -> list[float]:
    losses = []
    for step in range(STEPS):
        rows = slice(step % 3 * BATCH, (step % 3 + 1) * BATCH)
        losses.append(model.train_on_batch(case.x[rows], case.y[rows]))
    return losses


@every_case
def test_train_on_batch_follows_keras_for_fifty_steps(case: Case) -> None:
    model = compiled(case)
    losses = train(model, case)
    scale = max(1.0, max(case.record["losses"]))
    assert np.abs(np.array(losses) - case.record["losses"]).max() < GROWTH * scale
    for ours, theirs in zip(model.get_weights(), case.after, strict=True):
        assert np.abs(ours - theirs).max() < GROWTH * max(1.0, np.abs(theirs).max())
    found = model.evaluate(case.x, case.y, batch_size=BATCH, verbose=0)
    assert abs(found - case.record["evaluation"]) < GROWTH * scale


@every_case
def test_train_on_batch_any_number_of_threads_gives_the_same_bits(case: Case) -> None:
    trained = []
    before = cnnfast.config.get_num_threads()
    try:
        for threads in (1, 2, 7):
            cnnfast.config.set_num_threads(threads)
            model = compiled(case)
            train(model, case)
            trained.append(model.get_weights())
    finally:
        cnnfast.config.set_num_threads(before)
    for others in trained[1:]:
        for one, other in zip(trained[0], others, strict=True):
            np.testing.assert_array_equal(one, other)
