"""Plans are found again, forgotten when weights change, and not collected without end."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from cnnfast.engine import plan_cache
from cnnfast.engine.plan_cache import CAPACITY
from cnnfast.layers import Dense
from cnnfast.models import Sequential
from exact import dense_by_hand, integers, with_integer_weights


@pytest.fixture
def model() -> Sequential:
    return with_integer_weights(Sequential([Dense(4, input_shape=(3,)), Dense(2)]))


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Count the compilations by their shapes."""
    made: list[object] = []
    compile_layer = plan_cache.compile_layer

    def counted(layer: object, shapes: object, training: bool) -> object:
        made.append(shapes)
        return compile_layer(layer, shapes, training)  # type: ignore[arg-type]

    monkeypatch.setattr(plan_cache, "compile_layer", counted)
    return made


def test_plan_for_any_number_of_samples_is_made_once(
    model: Sequential, compilations: list[object]
) -> None:
    for samples in (1, 5, 1, 32):
        model(integers(samples, 3))
        model.predict(integers(samples, 3), verbose=0)
    assert len(compilations) == 1


def test_plan_survives_changes_to_other_models(
    model: Sequential, compilations: list[object]
) -> None:
    model(integers(5, 3))
    Dense(3).build((None, 2))
    model(integers(5, 3))
    assert len(compilations) == 1


def test_plan_is_made_anew_after_assign(model: Sequential, compilations: list[object]) -> None:
    x = integers(5, 3)
    model(x)
    model.layers[0].weights[1].assign(integers(4, seed=8))
    assert (model(x) == dense_by_hand(x, model.get_weights())).all()
    assert len(compilations) == 2


def test_plans_of_many_shapes_are_not_kept_all(compilations: list[object]) -> None:
    layer = Dense(2)
    for length in (*range(1, CAPACITY + 5), CAPACITY + 4):
        layer(integers(1, length, 3))
    assert len(compilations) == CAPACITY + 4
    assert len(layer._fast_plans) == CAPACITY


def test_calls_from_many_threads_while_weights_change_see_old_or_new_values() -> None:
    model = Sequential([Dense(1, input_shape=(1,), use_bias=False)])
    model.set_weights([np.zeros((1, 1))])
    x = np.ones((4, 1), np.float32)
    wrong: list[float] = []

    def call() -> None:
        last = 0.0
        for _ in range(300):
            values = set(model(x).ravel().tolist())
            newest = max(values)
            if len(values) > 1 or newest < last:
                wrong.append(newest)
            last = newest

    threads = [threading.Thread(target=call) for _ in range(4)]
    for thread in threads:
        thread.start()
    for step in range(1, 200):
        model.layers[0].weights[0].assign([[float(step)]])
    for thread in threads:
        thread.join()
    assert wrong == []
    assert model(x)[0, 0] == 199
