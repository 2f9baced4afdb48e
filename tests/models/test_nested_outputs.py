"""Models whose outputs are those of a model inside them, in Keras 3's configs."""

from __future__ import annotations

import json

import numpy as np

from cnnfast import Input, Model, layers, models


def nested_model() -> Model:
    x = Input((3,))
    inner = Model(x, layers.Dense(2, name="dense")(x), name="inner")
    a, b = Input((3,), name="a"), Input((3,), name="b")
    return Model([a, b], [inner(a), inner(b)])


def test_config_counts_calls_of_a_nested_model_from_one_as_keras_does():
    config = json.loads(nested_model().to_json())["config"]
    assert config["output_layers"] == [["inner", 1, 0], ["inner", 2, 0]]


def test_config_of_a_nested_model_makes_the_same_outputs():
    model = nested_model()
    again = models.model_from_json(model.to_json())
    again.set_weights(model.get_weights())
    x = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    for expected, received in zip(
        model.predict(list(x), verbose=0), again.predict(list(x), verbose=0), strict=True
    ):
        np.testing.assert_array_equal(received, expected)


def test_config_of_a_nested_model_that_counts_from_zero_is_read_too():
    config = nested_model().get_config()
    config["output_layers"] = [["inner", 0, 0], ["inner", 1, 0]]
    again = Model.from_config(config)
    assert [tensor.history[1] for tensor in again.outputs] == [0, 1]
