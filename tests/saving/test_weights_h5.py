"""Places of variables in the weight files of Keras 3, counted by class and not by name."""

from __future__ import annotations

import io

import numpy as np
import pytest

from cnnfast.engine.base_layer import Layer
from cnnfast.layers import Dense, Flatten
from cnnfast.models import Sequential
from cnnfast.saving import load_weights, weights_h5
from cnnfast.saving.hdf5 import open_hdf5
from kerasfiles import weights_bytes


class Pair(Layer):
    """A layer made of two others and of one weight, as a user may write it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.first = Dense(2, use_bias=False)
        self.others = [Dense(2, use_bias=False), Dense(2, use_bias=False)]

    def build(self, input_shape):
        self.scale = self.add_weight((1,), "ones", "scale")
        for layer in (self.first, *self.others):
            layer.build(input_shape)


def square(value):
    return np.full((2, 2), value, np.float32)


def stack(count):
    return Sequential([Dense(2, use_bias=False, input_dim=2) for _ in range(count)])


def fill(model, arrays, **options):
    load_weights(model, io.BytesIO(weights_bytes(arrays)), **options)
    return [float(array.flat[0]) for array in model.get_weights()]


def test_layers_of_a_class_are_counted_in_order_whatever_their_names():
    model = Sequential([Dense(2, use_bias=False, input_dim=2, name="dense_7") for _ in range(1)])
    model.add(Dense(2, use_bias=False, name="dense"))
    arrays = {"layers/dense/vars/0": square(1), "layers/dense_1/vars/0": square(2)}
    assert fill(model, arrays) == [1, 2]


def test_twelve_layers_keep_their_order():
    arrays = {f"layers/dense{f'_{i}' if i else ''}/vars/0": square(i) for i in range(12)}
    assert fill(stack(12), arrays) == list(range(12))


def test_twelve_variables_keep_their_order():
    class Many(Layer):
        def build(self, input_shape):
            self.all = [self.add_weight((1,), "zeros", f"v{i}") for i in range(12)]

    model = Sequential([Many(input_shape=(2,))])
    arrays = {f"layers/many/vars/{i}": np.full(1, i, np.float32) for i in range(12)}
    assert fill(model, arrays) == list(range(12))


def test_layers_with_weights_count_twice_in_files_of_version_2_13():
    root = "_layer_checkpoint_dependencies"
    model = Sequential([stack(2), Flatten(), Dense(2, use_bias=False), Flatten()])
    arrays = {
        f"{root}/sequential/{root}/dense/vars/0": square(1),
        f"{root}/sequential/{root}/dense_2/vars/0": square(2),
        f"{root}/dense/vars/0": square(3),
    }
    assert fill(model, arrays) == [1, 2, 3]


def test_layers_inside_a_users_layer_are_found_by_attribute():
    model = Sequential([Pair(input_shape=(2,))])
    arrays = {
        "layers/pair/vars/0": np.full(1, 1, np.float32),
        "layers/pair/first/vars/0": square(2),
        "layers/pair/others/dense/vars/0": square(3),
        "layers/pair/others/dense_1/vars/0": square(4),
    }
    assert fill(model, arrays) == [1, 2, 3, 4]


def test_states_of_random_generators_do_not_count():
    arrays = {"layers/dense/vars/0": square(1), "layers/dropout/seed_generator/vars/0": square(2)}
    assert fill(stack(1), arrays) == [1]


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        ("layers/dense_1/vars/0", "the file has 1 more, the first at 'layers/dense_1/vars/0'"),
        ("layers/dense/vars/1", "has 1 weights, the file has 2"),
        ("layers/dense/vars/x", "has 1 weights, the file has 2"),
        ("layers/conv2d/vars/0", "the file has 1 more"),
    ],
)
def test_variables_that_the_model_lacks_are_refused(extra, reason):
    with pytest.raises(ValueError, match=reason):
        fill(stack(1), {"layers/dense/vars/0": square(1), extra: square(2)})


def test_file_without_layers_does_not_fill_a_model():
    with pytest.raises(ValueError, match="holds no Keras weights"):
        fill(stack(1), {"other/0": square(1)})


def test_variables_of_the_model_itself_that_it_lacks_are_refused():
    with pytest.raises(ValueError, match="has 0 weights, the file has 1"):
        fill(stack(1), {"layers/dense/vars/0": square(1), "vars/0": square(1)})


def test_elements_count_the_layers_and_not_the_optimizer():
    arrays = {"layers/dense/vars/0": square(1), "optimizer/vars/0": square(1)}
    with open_hdf5(io.BytesIO(weights_bytes(arrays))) as root:
        assert weights_h5.elements(root) == 4
