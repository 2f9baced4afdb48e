"""Models of the layers between tensors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from cnnfast.engine.input_layer import Input
from cnnfast.layers import Add, Concatenate, Dense, Flatten
from cnnfast.models import Functional, Model, Sequential
from exact import dense_by_hand, integers, with_integer_weights


@pytest.fixture
def two_in_two_out() -> Functional:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    joined = Add(name="joined")([Dense(4, name="left")(a), Dense(4, name="right")(b)])
    return with_integer_weights(Model([a, b], [joined, Dense(2, name="last")(joined)], name="two"))


def by_hand(model: Functional, a: np.ndarray, b: np.ndarray) -> list[np.ndarray]:
    left, right, last = (model.get_layer(n).get_weights() for n in ("left", "right", "last"))
    joined = dense_by_hand(a, left) + dense_by_hand(b, right)
    return [joined, dense_by_hand(joined, last)]


# ---- making


def test_model_of_tensors_is_functional() -> None:
    x = Input((3,))
    model = Model(x, Dense(2)(x), name="small")
    assert type(model) is Functional
    assert repr(model) == "<Functional name=small, built=True>"


@pytest.mark.parametrize("words", [("inputs", "outputs"), ("input", "output")], ids=str)
def test_model_old_and_new_argument_names_mean_the_same(words: tuple[str, str]) -> None:
    x = Input((3,))
    y = Dense(2)(x)
    model = Model(**{words[0]: x, words[1]: y})
    assert (model.input, model.output) == (x, y)
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))


def test_model_unknown_argument_is_refused() -> None:
    x = Input((3,))
    with pytest.raises(TypeError, match="nonsense"):
        Model(x, Dense(2)(x), nonsense=1)


@pytest.mark.parametrize(
    ("inputs", "outputs"), [(1, 2), (np.ones(3), np.ones(3)), ([], []), (None, None)], ids=str
)
def test_model_of_no_tensors_is_refused(inputs: Any, outputs: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="`inputs`"):
        Model(inputs=inputs, outputs=outputs)


def test_model_from_inside_another_shares_its_weights() -> None:
    stack = Sequential([Dense(4, input_shape=(3,), name="a"), Dense(2, name="b")])
    with_integer_weights(stack)
    cut = Model(inputs=stack.input, outputs=stack.get_layer("a").output)
    x = integers(5, 3)
    assert (cut.predict(x, verbose=0) == dense_by_hand(x, stack.get_weights()[:2])).all()
    stack.layers[0].kernel.assign(np.zeros((3, 4)))
    assert (cut(x) == stack.get_weights()[1]).all()


def test_model_that_begins_inside_another_gets_an_input_of_its_own() -> None:
    stack = Sequential([Dense(4, input_shape=(3,), name="a"), Dense(2, name="b")])
    with_integer_weights(stack)
    tail = Model(stack.get_layer("a").output, stack.output)
    assert [type(layer).__name__ for layer in tail.layers] == ["InputLayer", "Dense"]
    x = integers(5, 4)
    assert (tail(x) == dense_by_hand(x, stack.get_weights()[2:])).all()
    assert type(tail).from_config(tail.get_config()).output_shape == (None, 2)


def test_shared_layer_counts_its_weights_once() -> None:
    a, b = Input((3,)), Input((3,))
    twin = Dense(4)
    model = Model([a, b], Concatenate()([twin(a), twin(b)]))
    assert model.count_params() == 16
    with_integer_weights(model)
    x, y = integers(2, 3), integers(2, 3, seed=1)
    expected = np.concatenate([dense_by_hand(z, model.get_weights()) for z in (x, y)], axis=1)
    assert (model([x, y]) == expected).all()


# ---- calling


def test_call_several_inputs_by_place_or_name_give_the_same(two_in_two_out: Functional) -> None:
    a, b = integers(5, 3), integers(5, 3, seed=1)
    expected = by_hand(two_in_two_out, a, b)
    for data in ([a, b], (a, b), {"b": b, "a": a}):
        for result in (two_in_two_out(data), two_in_two_out.predict(data, verbose=0)):
            assert isinstance(result, list)
            assert all((x == y).all() for x, y in zip(result, expected, strict=True))


def test_call_inputs_and_outputs_of_dicts_keep_their_keys() -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    out = {"z": Dense(2, name="left")(a), "y": Dense(4, name="right")(b)}
    model = with_integer_weights(Model({"first": b, "second": a}, out))
    x, y = integers(5, 3), integers(5, 3, seed=1)
    result = model.predict({"first": y, "second": x}, verbose=0)
    assert list(result) == ["z", "y"]
    assert (result["z"] == dense_by_hand(x, model.get_layer("left").get_weights())).all()
    assert (result["y"] == dense_by_hand(y, model.get_layer("right").get_weights())).all()
    with pytest.raises(ValueError, match="Missing data for input 'first'"):
        model({"a": x, "b": y})


def test_call_single_output_in_a_list_comes_bare() -> None:
    x = Input((3,))
    model = Model([x], [Dense(2)(x)])
    assert model(integers(5, 3)).shape == (5, 2)
    assert model([integers(5, 3)]).shape == (5, 2)
    assert model.predict([integers(5, 3)], verbose=0).shape == (5, 2)
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([integers(5, 3)], r"expects 2 inputs.*\['a', 'b'\].*Received: 1"),
        (integers(5, 3), "expects 2 inputs"),
        ({"a": integers(5, 3)}, "Missing data for input 'b' of model 'two'"),
        ([integers(5, 3), integers(4, 3)], "same number of samples. Received: 5, 4"),
        ([integers(5, 3), integers(5, 4)], r"Input 1 of model 'two'.*\(None, 3\).*\(None, 4\)"),
    ],
    ids=["one", "array", "missing", "counts", "shape"],
)
def test_call_inputs_that_do_not_fit_are_refused(
    two_in_two_out: Functional, data: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        two_in_two_out(data)
    with pytest.raises(ValueError, match=message):
        two_in_two_out.predict(data, verbose=0)


@pytest.mark.parametrize("shape", [(28, 28, 1), (28, 28)], ids=str)
def test_call_missing_or_spare_last_axis_is_put_right(shape: tuple[int, ...]) -> None:
    x = Input(shape)
    model = with_integer_weights(Model(x, Dense(2)(Flatten()(x))))
    image = integers(3, 28, 28)
    expected = dense_by_hand(image.reshape(3, -1), model.get_weights())
    for data in (image, image[..., None], np.asfortranarray(image[..., None])):
        assert (model(data) == expected).all()
        assert (model.predict(data, verbose=0) == expected).all()


@pytest.mark.parametrize("shape", [(2, 7, 8, 1), (2, 8, 8, 3), (8, 8), (2, 8, 8, 1, 1, 1)], ids=str)
def test_call_other_shape_names_model_expected_and_received(shape: tuple[int, ...]) -> None:
    x = Input((8, 8, 1))
    model = Model(x, Flatten()(x), name="flat")
    expected = r"'flat'.*expected shape=\(None, 8, 8, 1\), found shape=\(None"
    with pytest.raises(ValueError, match=expected):
        model(np.ones(shape, np.float32))


def test_call_input_declared_as_integers_drops_fractions() -> None:
    x = Input((3,), dtype="int32")
    model = with_integer_weights(Model(x, Dense(2)(x)))
    data = np.array([[1.7, -2.9, 3.0]])
    assert (model(data) == dense_by_hand(np.trunc(data), model.get_weights())).all()


def test_call_model_inside_model_computes_the_same() -> None:
    x = Input((3,))
    inner = with_integer_weights(Model(x, Dense(4)(x), name="inner"))
    y = Input((3,))
    outer = Model(y, inner(y))
    data = integers(5, 3)
    assert (outer(data) == inner(data)).all()
    assert outer.weights == inner.weights
    assert [layer.name for layer in outer.layers][1:] == ["inner"]


def test_call_inner_model_with_several_ends(two_in_two_out: Functional) -> None:
    p, q = Input((3,), name="p"), Input((3,), name="q")
    joined, last = two_in_two_out({"b": q, "a": p})
    outer = Model([p, q], [last, joined])
    a, b = integers(5, 3), integers(5, 3, seed=1)
    expected = by_hand(two_in_two_out, a, b)[::-1]
    assert all((x == y).all() for x, y in zip(outer([a, b]), expected, strict=True))


def test_call_inner_model_on_wrong_shape_is_refused(two_in_two_out: Functional) -> None:
    with pytest.raises(ValueError, match="Input 1 of model 'two'"):
        two_in_two_out([Input((3,)), Input((4,))])
    with pytest.raises(ValueError, match="expects 2 inputs"):
        two_in_two_out(Input((3,)))


def test_call_images_of_any_size_gives_sizes_to_match() -> None:
    x = Input((None, None, 3))
    model = with_integer_weights(Model(x, Dense(2)(x)))
    assert model.output_shape == (None, None, None, 2)
    for size in (1, 4, 7):
        data = integers(2, size, size + 1, 3)
        assert (model(data) == dense_by_hand(data, model.get_weights())).all()


# ---- layers and weights


def test_get_layer_by_name_and_index(two_in_two_out: Functional) -> None:
    assert two_in_two_out.get_layer("last") is two_in_two_out.layers[-1]
    assert two_in_two_out.get_layer(index=0).name == "a"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "nope"}, r"No such layer: 'nope'.*'left'"),
        ({"index": 9}, "index 9, but model 'two' has 6 layers"),
        ({}, "one of them"),
        ({"name": "left", "index": 0}, "one of them"),
    ],
    ids=str,
)
def test_get_layer_that_is_not_there_is_refused(
    two_in_two_out: Functional, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        two_in_two_out.get_layer(**arguments)


def test_set_weights_misfit_changes_nothing(two_in_two_out: Functional) -> None:
    before = two_in_two_out.get_weights()
    wrong = [np.zeros_like(array) for array in before[:-1]] + [np.zeros(7)]
    with pytest.raises(ValueError, match="last/bias"):
        two_in_two_out.set_weights(wrong)
    after = two_in_two_out.get_weights()
    assert all((x == y).all() for x, y in zip(before, after, strict=True))


def test_trainable_of_a_model_reaches_its_layers(two_in_two_out: Functional) -> None:
    two_in_two_out.trainable = False
    assert not any(layer.trainable for layer in two_in_two_out.layers)
    assert two_in_two_out.trainable_weights == []
    two_in_two_out.trainable = True
    two_in_two_out.get_layer("left").trainable = False
    assert len(two_in_two_out.trainable_weights) == 4
