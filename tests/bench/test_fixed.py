"""What is paid besides the arithmetic keeps its promises, where they are no times."""

from __future__ import annotations

from typing import Any

import pytest

from bench import fixed, networks
from cnnfast.engine import plan_cache

# Packed weights are to take at most so many times what a file of float32 takes.
MOST_OF_FILE = 2.5


def test_resnet50_has_the_parameters_that_keras_counts() -> None:
    assert networks.resnet50().count_params() == 25_636_712


def test_plan_cost_is_that_of_two_plans_within_the_promised_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []
    compile_layer = plan_cache.compile_layer

    def counted(*arguments: Any) -> Any:
        made.append(arguments)
        return compile_layer(*arguments)

    monkeypatch.setattr(plan_cache, "compile_layer", counted)
    share = fixed.plan_cost(networks.resnet50())[2]
    assert len(made) == 2
    assert 1 < share <= MOST_OF_FILE
