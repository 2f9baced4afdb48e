"""Optimizers: arguments old and new, learning rates, state, and what is refused."""

from __future__ import annotations

import copy
import math
import pickle
from typing import Any

import numpy as np
import pytest

from cnnfast import optimizers
from cnnfast.optimizers import schedules
from cnnfast.state import StateVariable


def weights(*sizes: int) -> list[np.ndarray]:
    return [np.ones(size, np.float32) for size in sizes]


def moved(optimizer: optimizers.Optimizer, steps: int = 1, gradient: float = 1.0) -> np.ndarray:
    """Return a weight of 0 after some steps along a gradient that stays the same."""
    weight = np.zeros(1, np.float32)
    for _ in range(steps):
        optimizer.apply([np.full(1, gradient, np.float32)], [weight])
    return weight


@pytest.mark.parametrize("name", ["sgd", "SGD", "rmsprop", "RMSprop", "adamw", "AdamW", "nadam"])
def test_get_of_a_name_in_any_case_finds_the_class(name: str) -> None:
    found = optimizers.get(name)
    assert found is not None
    assert type(found).__name__.lower() == name.lower()


def test_get_of_an_optimizer_a_class_or_none() -> None:
    optimizer = optimizers.Adam()
    assert optimizers.get(optimizer) is optimizer
    assert isinstance(optimizers.get(optimizers.Lion), optimizers.Lion)
    assert optimizers.get(None) is None


@pytest.mark.parametrize("identifier", ["adem", {"class_name": "Adem"}, 3, len])
def test_get_of_something_else_lists_the_names(identifier: Any) -> None:
    with pytest.raises(ValueError, match=r"There is no optimizer .*adamax"):
        optimizers.get(identifier)


def test_keras_1_arguments_mean_what_they_meant() -> None:
    optimizer = optimizers.SGD(lr=0.5, decay=1.0, momentum=0, nesterov=True)
    assert float(optimizer.lr) == float(optimizer.learning_rate) == 0.5
    # 0.5 / (1 + 0) + 0.5 / (1 + 1) + 0.5 / (1 + 2)
    np.testing.assert_allclose(moved(optimizer, 3), -(0.5 + 0.25 + 0.5 / 3), rtol=1e-6)


@pytest.mark.parametrize(
    "config",
    [
        {
            "class_name": "RMSprop",
            "config": {"lr": 0.25, "rho": 0.9, "decay": 0.0, "epsilon": 1e-8},
        },
        {"class_name": "Adam", "config": {"lr": 0.25, "epsilon": None, "amsgrad": False}},
        {
            "class_name": "SGD",
            "config": {"learning_rate": 0.25, "jit_compile": True, "is_legacy_optimizer": False},
        },
    ],
)
def test_description_of_an_older_keras_is_read(config: dict[str, Any]) -> None:
    optimizer = optimizers.deserialize(config)
    assert float(optimizer.learning_rate) == 0.25
    assert moved(optimizer)[0] < 0


def test_decay_is_kept_in_a_description_only_where_there_is_one() -> None:
    assert "decay" not in optimizers.SGD(decay=0.0).get_config()
    again = optimizers.get(optimizers.serialize(optimizers.SGD(decay=0.5)))
    assert again is not None
    assert again.decay == 0.5


def test_learning_rate_is_set_and_assigned_and_calculates() -> None:
    optimizer = optimizers.SGD(1)
    optimizer.learning_rate = 0.5
    assert optimizer.learning_rate * 2 == 1.0
    optimizer.learning_rate.assign(0.25)
    optimizer.lr = optimizer.learning_rate * 0.5
    assert f"{float(optimizer.learning_rate):.3f}" == "0.125"
    assert f"{optimizer.learning_rate:.3f}" == "0.125"
    np.testing.assert_array_equal(moved(optimizer), np.float32(-0.125))


def test_learning_rate_comes_from_a_schedule_or_a_function() -> None:
    schedule = schedules.PiecewiseConstantDecay([0], [1.0, 0.5])
    np.testing.assert_array_equal(moved(optimizers.SGD(schedule), 3), np.float32(-2.0))
    np.testing.assert_array_equal(moved(optimizers.SGD(lambda: 0.25), 2), np.float32(-0.5))


def test_learning_rate_of_a_schedule_is_not_set_but_replaced() -> None:
    optimizer = optimizers.SGD(schedules.ExponentialDecay(0.1, 10, 0.5))
    with pytest.raises(TypeError, match=r"SGD: the learning rate comes from ExponentialDecay"):
        optimizer.learning_rate = 0.5
    optimizer.learning_rate = schedules.CosineDecay(0.5, 10)
    assert float(optimizer.learning_rate) == 0.5
    assert [variable.name for variable in optimizer.variables] == ["iteration"]


@pytest.mark.parametrize("rate", ["0.1", None, math.nan, math.inf, [0.1], True])
def test_learning_rate_that_is_none_is_refused(rate: Any) -> None:
    with pytest.raises(ValueError, match="SGD: `learning_rate` must be a finite number"):
        optimizers.SGD(rate)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clipnorm": 1.0, "clipvalue": 1.0}, "only one of `clipnorm`, `clipvalue`"),
        ({"use_ema": True, "ema_momentum": 1.5}, "`ema_momentum` must be at most 1"),
        ({"ema_overwrite_frequency": 0}, "`ema_overwrite_frequency` must be an integer >= 1"),
        ({"gradient_accumulation_steps": 1}, "`gradient_accumulation_steps` must be an integer"),
        ({"momentum": 1.5}, "`momentum` must be between 0 and 1"),
        ({"weight_decay": "much"}, "`weight_decay` must be a finite number"),
    ],
)
def test_argument_with_a_wrong_value_is_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        optimizers.SGD(**arguments)


def test_unknown_argument_is_refused() -> None:
    with pytest.raises(TypeError, match="momentun"):
        optimizers.SGD(momentun=0.9)


def test_names_are_counted_as_keras_does() -> None:
    first, second = optimizers.RMSprop(), optimizers.RMSprop()
    assert first.name.startswith("rm_sprop")
    assert first.name != second.name


def test_weight_without_a_gradient_stays_as_it_is() -> None:
    optimizer, (first, second) = optimizers.Adam(), weights(3, 2)
    optimizer.apply([None, np.ones(2, np.float32)], [first, second])
    np.testing.assert_array_equal(first, 1.0)
    assert (second < 1).all()


def test_average_of_a_weight_without_a_gradient_is_the_weight() -> None:
    optimizer, (first, second) = optimizers.SGD(use_ema=True), weights(3, 2)
    optimizer.apply([None, np.ones(2, np.float32)], [first, second])
    optimizer.finalize_variable_values([first, second])
    np.testing.assert_array_equal(first, 1.0)


def test_no_gradient_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no gradient at all"):
        optimizers.SGD().apply([None], weights(3))


@pytest.mark.parametrize(
    ("gradients", "variables", "message"),
    [
        ([np.ones(3, np.float32)], weights(2), "gradients must have shapes"),
        ([], weights(2), "gradients must have shapes"),
        ([np.ones(2, np.float32)], [np.ones(2)], "weights must be contiguous float32"),
        ([np.ones(2, np.float32)], [np.ones((2, 2), np.float32)[:, 0]], "weights must be contig"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_and_nothing_changes(
    gradients: Any, variables: Any, message: str
) -> None:
    optimizer = optimizers.SGD()
    with pytest.raises(ValueError, match=message):
        optimizer.apply(gradients, variables)
    np.testing.assert_array_equal(variables[0], 1.0)
    assert int(optimizer.iterations) == 0


def test_decay_leaves_out_what_is_excluded() -> None:
    optimizer = optimizers.AdamW(0.5, weight_decay=1.0)
    kernel, bias, shift = weights(2, 2, 2)
    optimizer.exclude_from_weight_decay(var_list=[shift])
    optimizer.apply([np.zeros(2, np.float32)] * 3, [kernel, bias, shift])
    np.testing.assert_array_equal(kernel, 0.5)
    np.testing.assert_array_equal(shift, 1.0)
    with pytest.raises(ValueError, match="before `build`"):
        optimizer.exclude_from_weight_decay(var_names=["bias"])


def test_constraint_of_a_variable_is_applied_last() -> None:
    class Variable:
        path, shape, value = "kernel", (2,), np.ones(2, np.float32)

        def constraint(self, value: np.ndarray) -> np.ndarray:
            return np.clip(value, 0.0, None)

        def assign(self, value: np.ndarray) -> None:
            self.value = value

    variable = Variable()
    optimizers.SGD(1.0).apply([np.float32([0.5, 3.0])], [variable])
    np.testing.assert_array_equal(variable.value, [0.5, 0.0])


@pytest.mark.parametrize("make", [copy.deepcopy, lambda o: pickle.loads(pickle.dumps(o))])
def test_copy_of_an_optimizer_goes_on_by_itself(make: Any) -> None:
    optimizer = optimizers.Adam()
    moved(optimizer, 3)
    other = make(optimizer)
    moved(optimizer, 2)
    assert (int(optimizer.iterations), int(other.iterations)) == (5, 3)


def test_stored_state_of_another_optimizer_is_skipped_with_a_warning() -> None:
    optimizer, store = optimizers.Adam(), {"0": np.int64(3)}
    optimizer.build(weights(2))
    with pytest.warns(UserWarning, match="Skipping the state of optimizer"):
        optimizer.load_own_variables(store)
    assert int(optimizer.iterations) == 0


def test_stored_state_of_another_shape_is_refused_and_nothing_changes() -> None:
    optimizer = optimizers.SGD(momentum=0.5)
    optimizer.build(weights(2))
    with pytest.raises(ValueError, match="the state must have shapes"):
        optimizer.load_own_variables({"0": np.int64(3), "1": np.float32(1), "2": np.zeros(3)})
    assert int(optimizer.iterations) == 0


def test_weights_of_an_optimizer_are_got_and_set() -> None:
    optimizer, other = optimizers.RMSprop(momentum=0.5), optimizers.RMSprop(momentum=0.5)
    moved(optimizer, 3)
    with pytest.raises(ValueError, match="needs an optimizer that is built"):
        other.set_weights(optimizer.get_weights())
    other.build(weights(1))
    other.set_weights(optimizer.get_weights())
    np.testing.assert_array_equal(moved(optimizer), moved(other))


@pytest.mark.parametrize("name", sorted(optimizers.NAMES))
def test_weights_stay_without_a_gradient_where_an_optimizer_idles(name: str) -> None:
    optimizer = optimizers.NAMES[name]()
    assert optimizer.idles == (name in ("sgd", "rmsprop", "adagrad"))
    weight = np.float32([0.5, -2.0])
    for gradient in ([1.0, -0.5], [0.25, 2.0], [0.0, 0.0]):
        before = weight.copy()
        optimizer.apply([np.float32(gradient)], [weight])
    if optimizer.idles:
        np.testing.assert_array_equal(weight, before)


def test_idles_is_false_where_a_step_does_more_to_weights_without_a_gradient() -> None:
    for options in (
        {"weight_decay": 0.1}, {"use_ema": True}, {"gradient_accumulation_steps": 2},
        {"clipnorm": 1.0}, {"global_clipnorm": 1.0}, {"loss_scale_factor": 2.0},
    ):  # fmt: skip
        assert not optimizers.SGD(**options).idles
        assert not optimizers.RMSprop(**options).idles
        assert not optimizers.Adagrad(**options).idles
    assert optimizers.SGD(momentum=0.5, nesterov=True).idles
    for options in ({"momentum": 0.5}, {"centered": True}, {"epsilon": 0.0}, {"rho": 1.5}):
        assert not optimizers.RMSprop(**options).idles
    assert not optimizers.Adagrad(epsilon=0.0).idles


def test_array_of_state_is_brought_up_to_date_before_somebody_looks() -> None:
    variable = StateVariable(np.zeros(3), "velocity", "rmsprop")
    raw = variable.array
    for look in (
        lambda: variable.value, variable.numpy, lambda: np.asarray(variable), lambda: variable + 0,
        lambda: variable.assign_add([0, 0, 0]).value, lambda: pickle.loads(pickle.dumps(variable)),
    ):  # fmt: skip
        raw[:] = 0.0
        variable.follow(lambda: raw.fill(2.0))
        assert variable.shape == (3,)
        assert variable.size == 3
        assert not raw.any()
        np.testing.assert_array_equal(look(), [2.0, 2.0, 2.0])


@pytest.mark.parametrize(
    "make",
    [
        lambda: schedules.ExponentialDecay(0.1, 0, 0.5),
        lambda: schedules.CosineDecay(0.1, -1),
        lambda: schedules.CosineDecayRestarts(0.1, 0),
        lambda: schedules.PolynomialDecay(0.1, 0),
    ],
)
def test_schedule_without_steps_is_refused(make: Any) -> None:
    with pytest.raises(ValueError, match=r"decay_steps` must be a finite number > 0"):
        make()


def test_piecewise_schedule_needs_one_value_more() -> None:
    with pytest.raises(ValueError, match="`values` must be one longer"):
        schedules.PiecewiseConstantDecay([1], [0.1])


def test_schedule_of_the_user_is_found_by_name() -> None:
    class Halving(schedules.LearningRateSchedule):
        def __call__(self, step: Any) -> float:
            return 0.5 ** int(step)

    described = optimizers.serialize(optimizers.SGD(Halving()))
    assert described is not None
    again = optimizers.deserialize(described, {"Halving": Halving})
    np.testing.assert_array_equal(moved(again, 3), np.float32(-1.75))
