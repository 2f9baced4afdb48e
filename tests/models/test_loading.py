"""Models to and from configs, JSON, copies and pickles."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.input_layer import Input
from cnnfast.layers import Add, Conv2D, Dense, Flatten
from cnnfast.models import (
    Functional,
    Model,
    Sequential,
    clone_model,
    model_from_config,
    model_from_json,
)
from exact import integers, with_integer_weights


class Halves(Layer):
    """A layer of the user's, composed of two others."""

    def __init__(self, units: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.first, self.second = Dense(units), Dense(units)

    def call(self, inputs: Any) -> Any:
        return Add()([self.first(inputs), self.second(inputs)])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


class Whole(Model):
    """A model of the user's."""

    def __init__(self, units: int = 4, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.halves = Halves(units)
        self.last = Dense(2)

    def call(self, inputs: Any) -> Any:
        return self.last(self.halves(inputs))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "units": self.units}


def stack() -> Model:
    return Sequential([Dense(4, input_shape=(3,)), Dense(2)])


def branches() -> Model:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    twin = Dense(4, name="twin")
    joined = Add()([twin(a), twin(b)])
    return Model([a, b], [Dense(2)(joined), joined])


def keyed() -> Model:
    a = Input((3,), name="a")
    return Model({"in": a}, {"out": Dense(2)(a), "also": Flatten()(a)})


def nested() -> Model:
    a = Input((3,), name="outer")
    inner = Model([a], [Dense(3)(a)], name="inner")
    b = Input((3,))
    return Model(b, Sequential([Dense(3, input_shape=(3,)), Dense(2)])(inner(inner(b))))


def frozen() -> Model:
    return Sequential([Dense(4, input_shape=(3,), trainable=False), Dense(2)], trainable=False)


MODELS = [stack, branches, keyed, nested, frozen]


def outputs_of(model: Any) -> list[np.ndarray]:
    data = [integers(5, *tensor.shape[1:], seed=i) for i, tensor in enumerate(model.inputs)]
    named = dict(zip(model.input, data, strict=True)) if isinstance(model.input, dict) else data
    result = model(named)
    flat = list(result.values()) if isinstance(result, dict) else result
    return flat if isinstance(flat, list) else [flat]


@pytest.mark.parametrize("make", MODELS)
@pytest.mark.parametrize(
    "again",
    [
        lambda m: model_from_json(m.to_json()),
        lambda m: type(m).from_config(m.get_config()),
        lambda m: type(m).from_config(json.loads(json.dumps(m.get_config()))),
        clone_model,
        copy.deepcopy,
        lambda m: pickle.loads(pickle.dumps(m)),
    ],
    ids=["json", "config", "config-json", "clone", "deepcopy", "pickle"],
)
def test_model_made_again_is_the_same(make: Callable[[], Model], again: Any) -> None:
    model = with_integer_weights(make())
    twin = again(model)
    assert twin.to_json() == model.to_json()
    assert [v.trainable for v in twin.weights] == [v.trainable for v in model.weights]
    twin.set_weights(model.get_weights())
    pairs = zip(outputs_of(twin), outputs_of(model), strict=True)
    assert all((a == b).all() for a, b in pairs)


@pytest.mark.parametrize("again", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copied_model_keeps_its_weights_and_lives_on_its_own(again: Any) -> None:
    model = with_integer_weights(stack())
    twin = again(model)
    before = outputs_of(model)[0]
    assert (outputs_of(twin)[0] == before).all()
    twin.layers[0].kernel.assign(np.zeros((3, 4)))
    assert (outputs_of(model)[0] == before).all()


def test_pickled_unbuilt_model_comes_back_unbuilt() -> None:
    assert not pickle.loads(pickle.dumps(Sequential([Dense(2)]))).built


def test_pickled_model_with_layers_of_the_user_comes_back() -> None:
    x = Input((3,))
    model = with_integer_weights(Model(x, Halves()(x)))
    twin = pickle.loads(pickle.dumps(model))
    assert type(twin.layers[1]) is Halves
    assert (outputs_of(twin)[0] == outputs_of(model)[0]).all()


# ---- subclasses


def test_subclass_composed_in_call_computes_and_predicts() -> None:
    model = Whole()
    x = integers(5, 3)
    assert model(x).shape == (5, 2)
    with_integer_weights(model)
    assert (model.predict(x, verbose=0) == model(x)).all()
    first, second = model.halves.first, model.halves.second
    assert (model(x) == model.last(first(x) + second(x))).all()
    assert len(model.weights) == 6
    assert [layer.name for layer in model.layers] == [model.halves.name, model.last.name]


def test_subclass_is_pickled_with_its_weights() -> None:
    model = Whole(units=3)
    x = integers(5, 3)
    model(x)
    with_integer_weights(model)
    twin = pickle.loads(pickle.dumps(model))
    assert (twin(x) == model(x)).all()


# ---- configs


def test_json_of_a_stack_is_that_of_keras() -> None:
    described = json.loads(Sequential([Dense(2, input_shape=(3,))], name="s").to_json())
    assert (described["module"], described["class_name"]) == ("keras", "Sequential")
    assert described["build_config"] == {"input_shape": [None, 3]}
    config = described["config"]
    assert (config["name"], config["trainable"]) == ("s", True)
    assert config["build_input_shape"] == [None, 3]
    assert [layer["class_name"] for layer in config["layers"]] == ["InputLayer", "Dense"]
    assert config["layers"][1]["build_config"] == {"input_shape": [None, 3]}


def test_config_of_a_network_holds_calls_as_keras_does() -> None:
    config = json.loads(json.dumps(branches().get_config()))
    twin = next(layer for layer in config["layers"] if layer["name"] == "twin")
    tensor = {"shape": [None, 3], "dtype": "float32", "keras_history": ["a", 0, 0]}
    assert twin["inbound_nodes"][0] == {
        "args": [{"class_name": "__keras_tensor__", "config": tensor}],
        "kwargs": {},
    }
    assert config["input_layers"] == [["a", 0, 0], ["b", 0, 0]]
    assert [place[1:] for place in config["output_layers"]] == [[0, 0], [0, 0]]
    single = nested().get_config()
    assert single["output_layers"] == [single["layers"][-1]["name"], 0, 0]


def old_dense(name: str, units: int, *calls: Any) -> dict[str, Any]:
    config = {"name": name, "units": units, "activation": "linear"}
    return {"class_name": "Dense", "name": name, "config": config, "inbound_nodes": list(calls)}


def old_input(name: str) -> dict[str, Any]:
    config = {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "name": name}
    return {"class_name": "InputLayer", "name": name, "config": config, "inbound_nodes": []}


def old_model(class_name: str, layers: list[Any], inputs: Any, outputs: Any) -> dict[str, Any]:
    config = {
        "name": "old",
        "layers": layers,
        "input_layers": inputs,
        "output_layers": outputs,
    }
    return {"class_name": class_name, "config": config}


@pytest.mark.parametrize("class_name", ["Model", "Functional"])
def test_config_of_keras_2_network_is_read(class_name: str) -> None:
    layers = [
        old_input("x"),
        old_dense("a", 4, [["x", 0, 0, {}]], [["x", 0, 0, {}]]),
        {
            "class_name": "Add",
            "name": "sum",
            "config": {"name": "sum", "trainable": True},
            "inbound_nodes": [[["a", 0, 0, {}], ["a", 1, 0, {}]]],
        },
    ]
    config = old_model(class_name, layers, [["x", 0, 0]], [["sum", 0, 0]])
    model = model_from_config(config)
    assert type(model) is Functional
    assert [layer.name for layer in model.layers] == ["x", "a", "sum"]
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 4))
    assert Model(model.input, Dense(2)(model.output)).output_shape == (None, 2)


def test_config_of_keras_2_model_inside_model_counts_calls_from_one() -> None:
    inner = old_model(
        "Model",
        [old_input("y"), old_dense("b", 3, [["y", 0, 0, {}]])],
        [["y", 0, 0]],
        [["b", 0, 0]],
    )
    inner = {**inner, "name": "inner", "inbound_nodes": [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]]}
    inner["config"]["name"] = "inner"
    layers = [old_input("x"), inner, old_dense("c", 2, [["inner", 2, 0, {}]])]
    model = model_from_config(old_model("Model", layers, [["x", 0, 0]], [["c", 0, 0]]))
    with_integer_weights(model)
    x = integers(5, 3)
    inner_layer, last = model.get_layer("inner"), model.get_layer("c")
    assert (model(x) == last(inner_layer(inner_layer(x)))).all()


@pytest.mark.parametrize("as_list", [True, False], ids=["list", "dict"])
def test_config_of_keras_2_stack_is_read(as_list: bool) -> None:
    first = old_dense("a", 4)
    first["config"]["batch_input_shape"] = [None, 3]
    layers = [first, old_dense("b", 2)]
    config = layers if as_list else {"name": "old", "layers": layers}
    model = model_from_config({"class_name": "Sequential", "config": config})
    assert (model.input_shape, model.output_shape) == ((None, 3), (None, 2))
    assert model.built


def broken(**changes: Any) -> dict[str, Any]:
    described = old_model(
        "Model",
        [old_input("x"), old_dense("a", 4, [["x", 0, 0, {}]])],
        [["x", 0, 0]],
        [["a", 0, 0]],
    )
    return {**described, "config": {**described["config"], **changes}}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"layers": []}, "`class_name` and `config`"),
        ([], "`class_name` and `config`"),
        ({"class_name": "Dense", "config": {"units": 3}}, "describes a Dense"),
        ({"class_name": "Sequential", "config": {"layers": 5}}, "list of layers"),
        ({"class_name": "Model", "config": {"layers": []}}, "must hold `input_layers`"),
        (broken(output_layers=[["nope", 0, 0]]), "refers to a layer that it lacks: 'nope'"),
        (broken(output_layers=[["a", 3, 0]]), "not called 4 times"),
        (broken(output_layers=[["a", 0, 5]]), "no output 5"),
        (broken(output_layers=None), "no tensor at None"),
        (broken(layers=[old_input("x"), old_dense("a", 4, [["a", 0, 0, {}]])]), r"\['a'\]"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_config_that_is_broken_is_refused(config: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        model_from_config(config)


def test_config_of_keras_3_call_on_a_constant_is_refused() -> None:
    config = nested().get_config()
    config["layers"][1]["inbound_nodes"][0]["args"] = [3.5]
    with pytest.raises(ValueError, match="called on a constant"):
        Functional.from_config(config)


def test_config_with_class_of_the_user_needs_custom_objects() -> None:
    x = Input((3,))
    text = Model(x, Halves()(x)).to_json()
    with pytest.raises(ValueError, match="Halves"):
        model_from_json(text)
    assert type(model_from_json(text, {"Halves": Halves}).layers[1]) is Halves


# ---- clones


def test_clone_has_weights_of_its_own() -> None:
    model = branches()
    clone = clone_model(model)
    assert not {id(v) for v in clone.weights} & {id(v) for v in model.weights}
    assert [layer.name for layer in clone.layers] == [layer.name for layer in model.layers]


def test_clone_function_chooses_the_new_layers() -> None:
    def wider(layer: Layer) -> Layer:
        config = layer.get_config()
        return type(layer).from_config({**config, "units": 7} if "units" in config else config)

    assert clone_model(stack(), wider).output_shape == (None, 7)
    assert clone_model(branches(), wider).output_shape == [(None, 7), (None, 7)]


def test_clone_of_a_subclass_is_refused() -> None:
    with pytest.raises(ValueError, match="Functional and Sequential"):
        clone_model(Whole())


def test_config_of_convolutions_survives_json() -> None:
    model = Sequential([Conv2D(2, 3, input_shape=(8, 8, 1)), Flatten(), Dense(2)])
    assert model_from_json(model.to_json()).to_json() == model.to_json()
