"""What owns variables: building, order, counting, freezing, exchange and copies."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

from cnnfast.engine.allocation import weights_from_file
from cnnfast.engine.input_layer import Input
from exact import integers, with_integer_weights
from toylayers import Matrix


@pytest.fixture
def layer() -> Matrix:
    built = Matrix(4, name="scores")
    built.build((None, 3))
    return with_integer_weights(built)


def test_build_twice_keeps_the_variables(layer: Matrix) -> None:
    kernel = layer.kernel
    layer.build((None, 3))
    assert layer.weights[0] is kernel


def test_build_that_fails_halfway_leaves_nothing() -> None:
    class Broken(Matrix):
        def build(self, input_shape: Any) -> None:
            super().build(input_shape)
            raise ValueError("no")

    layer = Broken(4)
    with pytest.raises(ValueError, match="no"):
        layer(integers(2, 3))
    assert (layer.built, layer.weights) == (False, [])


def test_build_names_variables_after_the_layer(layer: Matrix) -> None:
    assert [variable.path for variable in layer.weights] == ["scores/kernel", "scores/shift"]


def test_weights_from_file_creates_zeros_up_to_the_limit() -> None:
    layer = Matrix(4, initializer="ones")
    with weights_from_file(16):
        layer.build((None, 3))
    assert not layer.kernel.value.any()


def test_weights_from_file_beyond_the_limit_are_refused() -> None:
    layer = Matrix(4)
    with weights_from_file(15), pytest.raises(ValueError, match="more weights than its file"):
        layer.build((None, 3))
    assert layer.weights == []


# ---- variables


def test_weights_trainable_ones_come_first(layer: Matrix) -> None:
    assert layer.weights == [layer.kernel, layer.shift]
    assert layer.trainable_weights == [layer.kernel]
    assert layer.non_trainable_weights == [layer.shift]
    assert layer.count_params() == 16


def test_trainable_off_and_on_again_restores_the_trainable_ones(layer: Matrix) -> None:
    layer.trainable = False
    assert layer.trainable_weights == []
    assert layer.non_trainable_weights == [layer.kernel, layer.shift]
    layer.trainable = True
    assert layer.trainable_weights == [layer.kernel]


def test_trainable_off_before_building_freezes_the_variables() -> None:
    layer = Matrix(4, trainable=False)
    layer.build((None, 3))
    assert not layer.kernel.trainable


def test_trainable_no_bool_is_refused(layer: Matrix) -> None:
    with pytest.raises(ValueError, match="`trainable` must be True or False"):
        layer.trainable = "yes"  # type: ignore[assignment]


@pytest.mark.parametrize(
    "shapes", [[(3, 4)], [(3, 4), (4,), (4,)], [(3, 4), (5,)], [(4, 3), (4,)]], ids=str
)
def test_set_weights_misfits_are_refused_and_change_nothing(
    layer: Matrix, shapes: list[tuple[int, ...]]
) -> None:
    before = layer.get_weights()
    with pytest.raises(ValueError, match="'scores'"):
        layer.set_weights([np.zeros(shape) for shape in shapes])
    assert all((a == b).all() for a, b in zip(layer.get_weights(), before, strict=True))


def test_count_params_before_building_is_refused() -> None:
    with pytest.raises(ValueError, match="'scores', which is not built"):
        Matrix(4, name="scores").count_params()


def test_losses_are_penalties_of_trainable_weights() -> None:
    class Regular(Matrix):
        def build(self, input_shape: Any) -> None:
            self.add_weight((2,), "ones", "kernel", regularizer="l2")

    layer = Regular(4)
    layer.build((None, 3))
    assert [float(loss) for loss in layer.losses] == [pytest.approx(0.02)]
    layer.trainable = False
    assert layer.losses == []


@pytest.mark.parametrize("again", [copy.deepcopy, lambda layer: pickle.loads(pickle.dumps(layer))])
def test_copied_layer_keeps_its_weights_and_lives_on_its_own(layer: Matrix, again: Any) -> None:
    x = integers(5, 3)
    layer(Input((3,)))
    before = layer(x)
    twin = again(layer)
    assert (twin(x) == before).all()
    assert twin.inbound_nodes == []
    twin.kernel.assign(np.zeros((3, 4)))
    assert (layer(x) == before).all()
    with pytest.raises(ValueError, match="read-only"):
        twin.shift.value[0] = 1
