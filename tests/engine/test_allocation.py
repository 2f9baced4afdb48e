"""First values: which ones wait until somebody reads them, and that nobody notices."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from cnnfast import initializers, random
from cnnfast.engine.allocation import initial_value
from cnnfast.engine.variable import Promise, Variable, epoch

SHAPE = (3, 5)


class Counted:
    """A promise's function that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self) -> np.ndarray:
        self.calls += 1
        return np.full(SHAPE, 6.0)


@pytest.fixture
def make() -> Counted:
    return Counted()


@pytest.fixture
def promised(make: Counted) -> Variable:
    return Variable(Promise(SHAPE, make), path="kernel")


# ---- promises


def test_promise_is_kept_when_the_value_is_read_and_only_then(promised, make):
    described = (promised.shape, promised.dtype, promised.ndim, promised.size, len(promised))
    assert described == (SHAPE, "float32", 2, 15, 3)
    assert make.calls == 0
    before = epoch(), promised.version
    assert (promised.value == 6).all()
    assert promised.value.dtype == np.float32
    assert promised.value.flags.c_contiguous
    assert not promised.value.flags.writeable
    assert make.calls == 1
    assert (epoch(), promised.version) == before


def test_promise_replaced_before_is_never_kept(promised, make):
    promised.assign(np.ones(SHAPE))
    assert (promised.value == 1).all()
    assert make.calls == 0


def test_promise_survives_an_assignment_that_fails(promised):
    with pytest.raises(ValueError, match=r"Expected: \(3, 5\)"):
        promised.assign(np.ones(4))
    assert (promised.value == 6).all()


def test_promise_kept_while_another_thread_assigns_loses_against_it():
    def make() -> np.ndarray:
        variable.assign(np.ones(SHAPE))
        return np.zeros(SHAPE)

    variable = Variable(Promise(SHAPE, make))
    assert (variable.value == 1).all()


def test_promise_pickled_becomes_its_value():
    variable = Variable(Promise(SHAPE, lambda: np.full(SHAPE, 2.0)))
    assert (pickle.loads(pickle.dumps(variable)).value == 2).all()


# ---- arrays that are handed over


def test_adopt_takes_the_array_itself(promised):
    value = np.ones(SHAPE, np.float32)
    version = promised.version
    promised.adopt(value)
    assert promised.value is value
    assert not value.flags.writeable
    assert promised.version == version + 1


def test_adopt_other_types_and_layouts_converts_them(promised):
    promised.adopt(np.arange(15.0).reshape(5, 3).T)
    assert promised.value.flags.c_contiguous
    assert promised.value.dtype == np.float32
    assert promised.value[1].tolist() == [1, 4, 7, 10, 13]


def test_adopt_another_shape_is_refused(promised):
    with pytest.raises(ValueError, match=r"Received: \(5, 3\)"):
        promised.adopt(np.ones((5, 3), np.float32))
    assert (promised.value == 6).all()


# ---- initializers


@pytest.mark.parametrize(
    "name", ["glorot_uniform", "he_normal", "random_normal", "random_uniform", "truncated_normal"]
)
def test_initial_value_of_a_seeded_law_waits_and_is_the_same(name):
    initializer = initializers.get({"class_name": name, "config": {"seed": 13}})
    value = initial_value(initializer, SHAPE, "float32")
    assert isinstance(value, Promise)
    np.testing.assert_array_equal(Variable(value).value, initializer(SHAPE))


def test_initial_values_read_in_another_order_are_the_same():
    def drawn(order: list[int]) -> list[list[float]]:
        random.set_seed(4)
        variables = [Variable(initial_value("glorot_uniform", SHAPE, "float32")) for _ in range(3)]
        values = {index: variables[index].value.tolist() for index in order}
        return [values[index] for index in range(3)]

    try:
        assert drawn([2, 0, 1]) == drawn([0, 1, 2])
    finally:
        random.set_seed(None)


class Own(initializers.GlorotUniform):
    """A class of a user's, which may do anything when it is called."""


@pytest.mark.parametrize(
    "initializer",
    [
        Own(seed=1),
        initializers.GlorotUniform(seed=random.SeedGenerator(1)),
        initializers.GlorotUniform(seed=1, input_axes=[0], output_axes=[1]),
        initializers.Orthogonal(seed=1),
        lambda shape, dtype: np.ones(shape),
    ],
)
def test_initial_value_that_may_depend_on_the_moment_or_fail_is_made_at_once(initializer):
    assert isinstance(initial_value(initializer, SHAPE, "float32"), np.ndarray)


@pytest.mark.parametrize(("shape", "dtype"), [((-1, 2), "float32"), ((2, 3), "int32")])
def test_initial_value_that_cannot_be_drawn_is_refused_at_once(shape, dtype):
    with pytest.raises(ValueError, match="GlorotUniform"):
        initial_value("glorot_uniform", shape, dtype)
