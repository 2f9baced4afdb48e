"""What is paid besides the arithmetic keeps its promises, where they are no times."""

from __future__ import annotations

from bench import fixed, networks

# Packed weights are to take at most so many times what a file of float32 takes.
MOST_OF_FILE = 2.5
# Seconds; packing 100 MB of weights takes a hundred times as long on any machine.
PLAN_FOUND = 1e-3


def test_resnet50_has_the_parameters_that_keras_counts() -> None:
    assert networks.resnet50().count_params() == 25_636_712


def test_plan_of_resnet50_packs_its_weights_within_the_promise() -> None:
    cold, warm, share = fixed.plan_cost(networks.resnet50())
    assert min(cold, warm) > PLAN_FOUND
    assert 1 < share <= MOST_OF_FILE
