"""Stacks of layers: built early or late, and never half."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnfast.engine.input_layer import Input, InputLayer
from cnnfast.layers import Conv2D, Dense, Embedding, Flatten
from cnnfast.models import Model, Sequential
from exact import dense_by_hand, integers, with_integer_weights


@pytest.mark.parametrize(
    "layers",
    [
        lambda: [Dense(4, input_shape=(3,)), Dense(2)],
        lambda: [Dense(4, input_dim=3), Dense(2)],
        lambda: [Input((3,)), Dense(4), Dense(2)],
        lambda: [InputLayer((3,)), Dense(4), Dense(2)],
        lambda: [Dense(4, batch_input_shape=(None, 3)), Dense(2)],
    ],
    ids=["input_shape", "input_dim", "Input", "InputLayer", "batch_input_shape"],
)
def test_stack_with_known_input_is_built_at_once(layers: Any) -> None:
    model = Sequential(layers())
    assert model.built
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert [type(layer) for layer in model.layers] == [Dense, Dense]
    with_integer_weights(model)
    x = integers(5, 3)
    assert (model(x) == dense_by_hand(x, model.get_weights())).all()


def test_stack_added_to_layer_by_layer_is_the_same() -> None:
    model = Sequential(name="stack")
    model.add(Dense(4, input_shape=(3,), name="a"))
    assert model.output_shape == (None, 4)
    model.add(Dense(2, name="b"))
    assert model.output_shape == (None, 2)
    assert [variable.path for variable in model.weights] == [
        "stack/a/kernel",
        "stack/a/bias",
        "stack/b/kernel",
        "stack/b/bias",
    ]


def test_stack_without_input_is_built_by_the_first_data() -> None:
    model = Sequential([Dense(4), Dense(2)])
    assert (model.built, model.weights) == (False, [])
    assert model(integers(5, 3)).shape == (5, 2)
    assert model.input_shape == (None, 3)
    assert model(integers(2, 3)).shape == (2, 2)


def test_stack_without_input_is_built_by_predict_and_tensors_too() -> None:
    model = Sequential([Dense(4), Dense(2)])
    assert model.predict(integers(5, 3), verbose=0).shape == (5, 2)
    other = Sequential([Dense(4), Dense(2)])
    assert other(Input((3,))).shape == (None, 2)
    assert other.input_shape == (None, 3)


def test_build_gives_the_input_shape() -> None:
    model = Sequential([Dense(4), Dense(2)])
    model.build((None, 3))
    assert model.count_params() == 4 * 4 + 5 * 2
    model.build((None, 3))
    assert model.count_params() == 4 * 4 + 5 * 2


@pytest.mark.parametrize("name", ["input", "output", "inputs", "outputs", "input_shape"])
def test_ends_of_unbuilt_stack_are_missing(name: str) -> None:
    with pytest.raises(AttributeError, match="'late' has no defined inputs and outputs yet"):
        getattr(Sequential([Dense(4)], name="late"), name)


def test_count_params_of_unbuilt_stack_is_refused() -> None:
    with pytest.raises(ValueError, match="'late', which is not built"):
        Sequential([Dense(4)], name="late").count_params()


def test_embedding_in_front_makes_an_input_of_integers() -> None:
    model = Sequential([Embedding(10, 4, input_shape=(3,))])
    assert model.inputs[0].dtype == "int32"
    table = integers(10, 4)
    model.set_weights([table])
    ids = np.array([[1, 9, 0]])
    for data in (ids, ids.astype(np.float32), ids.tolist()):
        assert (model(data) == table[ids]).all()


@pytest.mark.parametrize("bad", [-1, 10, 2**32 + 1, -(2**40)])
def test_embedding_id_outside_the_table_is_refused(bad: int) -> None:
    model = Sequential([Embedding(10, 4, input_shape=(3,))])
    with pytest.raises(ValueError, match="id"):
        model(np.array([[0, bad, 1]]))


# ---- errors


def test_add_layer_that_does_not_fit_leaves_the_stack_as_it_was() -> None:
    model = Sequential([Input((8, 8, 1)), Conv2D(2, 3, name="fits")])
    too_large = Conv2D(2, 9, name="too_large")
    with pytest.raises(ValueError, match="too_large"):
        model.add(too_large)
    assert [layer.name for layer in model.layers] == ["fits"]
    assert model.output_shape == (None, 6, 6, 2)
    assert too_large.inbound_nodes == []
    model.add(Flatten())
    assert model.output_shape == (None, 72)


def test_build_that_fails_can_be_tried_again() -> None:
    model = Sequential([Conv2D(2, 3), Conv2D(2, 9)])
    with pytest.raises(ValueError, match="conv2d"):
        model.build((None, 8, 8, 1))
    assert not model.built
    assert not any(layer.built for layer in model.layers)
    model.build((None, 16, 16, 3))
    assert model.output_shape == (None, 6, 6, 2)


def test_build_that_fails_keeps_weights_made_before() -> None:
    trained = Dense(4)
    trained.build((None, 3))
    kernel = trained.kernel
    model = Sequential([trained, Dense(2)])
    with pytest.raises(ValueError, match="value 3"):
        model.build((None, 7))
    assert trained.weights[0] is kernel


@pytest.mark.parametrize("thing", [5, Dense, "dense", None], ids=repr)
def test_add_no_layer_is_refused(thing: Any) -> None:
    with pytest.raises(TypeError, match="Only layers can be added"):
        Sequential([Input((3,))]).add(thing)


def test_add_name_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="name 'b' already"):
        Sequential([Dense(3, name="b"), Dense(3, name="b")])


def test_add_second_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"input of shape \(None, 3\) already"):
        Sequential([Input((3,)), Input((4,))])


def test_add_layer_with_several_outputs_is_refused() -> None:
    x = Input((3,))
    fork = Model(x, [Dense(2)(x), Dense(2)(x)], name="fork")
    with pytest.raises(ValueError, match="'fork' has 2"):
        Sequential([Input((3,)), fork])


def test_build_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="has no layers"):
        Sequential().build((None, 3))
    with pytest.raises(ValueError, match="has no layers"):
        Sequential()(integers(2, 3))


@pytest.mark.parametrize("shape", [None, [(None, 3), (None, 3)], "abc"], ids=repr)
def test_build_without_a_shape_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="takes one input of a known shape"):
        Sequential([Dense(3)]).build(shape)


# ---- changing the stack


def test_pop_gives_back_the_layer_and_the_shape_before() -> None:
    model = with_integer_weights(Sequential([Dense(4, input_shape=(3,)), Dense(2)]))
    x = integers(5, 3)
    assert model(x).shape == (5, 2)
    top = model.pop()
    assert (model.output_shape, model(x).shape) == ((None, 4), (5, 4))
    model.add(top)
    assert (model(x) == dense_by_hand(x, model.get_weights())).all()


def test_pop_from_empty_stack_is_refused() -> None:
    with pytest.raises(IndexError, match="no layers to pop"):
        Sequential().pop()


def test_layer_replaced_after_calls_is_used() -> None:
    model = with_integer_weights(Sequential([Dense(4, input_shape=(3,)), Dense(2)]))
    x = integers(5, 3)
    model(x)
    model.pop()
    model.add(with_integer_weights_of_size(Dense(3), 4))
    assert (model(x) == dense_by_hand(x, model.get_weights())).all()


def with_integer_weights_of_size(layer: Dense, size: int) -> Dense:
    layer.build((None, size))
    return with_integer_weights(layer)


def test_stack_inside_a_stack_and_first_in_it() -> None:
    inner = Sequential([Dense(4, input_shape=(3,)), Dense(4)], name="inner")
    model = with_integer_weights(Sequential([inner, Dense(2)]))
    assert (model.built, len(model.weights)) == (True, 6)
    x = integers(5, 3)
    assert (model(x) == dense_by_hand(x, model.get_weights())).all()


def test_trainable_given_to_the_constructor_reaches_the_layers() -> None:
    model = Sequential([Dense(4, input_shape=(3,))], trainable=False)
    assert model.trainable_weights == []
