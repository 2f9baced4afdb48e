"""`load_model` and `load_weights` on small files written by hand, sound and not."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest

from cnnfast.engine.base_layer import Layer
from cnnfast.layers import Dense
from cnnfast.models import Sequential
from cnnfast.saving import load_model, load_weights
from kerasfiles import BIAS, KERNEL, dense_model, keras_bytes, layer, legacy_bytes, weights_bytes


class Doubled(Layer):
    """A user's layer: its input twice."""

    def __init__(self, factor=2.0, **options):
        super().__init__(**options)
        self.factor = factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


class Mixed(Layer):
    """A user's layer with one weight of its own."""

    def build(self, input_shape):
        self.mix = self.add_weight((input_shape[-1],), "ones", "mix")


def loaded(content, **options):
    return load_model(io.BytesIO(content), **options)


def sequential(*layers):
    first = layer("InputLayer", "input", batch_shape=[None, 3])
    return {"class_name": "Sequential", "config": {"name": "model", "layers": [first, *layers]}}


def dense():
    return loaded(keras_bytes())


def assert_weights_are_those_of_the_file(model):
    kernel, bias = model.get_weights()
    np.testing.assert_array_equal(kernel, KERNEL)
    np.testing.assert_array_equal(bias, BIAS)


@pytest.mark.parametrize("content", [keras_bytes(), legacy_bytes()], ids=["keras", "h5"])
@pytest.mark.parametrize("options", [{}, {"compile": False}, {"safe_mode": False}])
def test_load_model_fills_the_weights(content, options):
    assert_weights_are_those_of_the_file(loaded(content, **options))


def test_load_model_compiled_with_something_unknown_is_refused_unless_uncompiled():
    config = {**dense_model(), "compile_config": {"optimizer": {"class_name": "Trojan"}}}
    with pytest.raises(ValueError, match=r"optimizer 'Trojan'.*compile=False"):
        loaded(keras_bytes(config))
    assert_weights_are_those_of_the_file(loaded(keras_bytes(config), compile=False))


@pytest.mark.parametrize(
    "setup",
    [
        {"optimizer": {"class_name": "Muon", "config": {}}, "loss": "mse"},
        {"optimizer": {"class_name": "Adam", "config": {"wings": 2}}, "loss": "mse"},
        {"optimizer": "adam", "loss": 3},
        {
            "optimizer": "adam",
            "metrics": [{"class_name": "AUC", "config": {"num_thresholds": 1e12}}],
        },
        {
            "optimizer": "adam",
            "metrics": [{"class_name": "AUC", "config": {"num_thresholds": 2**40}}],
        },
        {"optimizer": ["adam"]},
    ],
)
def test_load_model_with_a_training_setup_that_means_nothing_is_not_compiled(setup):
    with pytest.warns(UserWarning, match="loaded but not compiled"):
        model = loaded(keras_bytes({**dense_model(), "compile_config": setup}))
    assert not model.compiled
    assert_weights_are_those_of_the_file(model)


def test_load_model_with_a_training_setup_that_is_no_json_is_not_compiled():
    def write(file):
        file.attrs["training_config"] = "not json {"
        file.create_group("optimizer_weights")

    with pytest.warns(UserWarning, match="loaded but not compiled"):
        model = loaded(legacy_bytes(write=write))
    assert_weights_are_those_of_the_file(model)


def test_load_model_sequential_without_an_input_layer_uses_the_build_shape():
    config = dense_model()
    del config["config"]["layers"][0]
    config["config"]["build_input_shape"] = [32, 3]
    model = loaded(keras_bytes(config))
    assert model.input_shape == (None, 3)
    assert_weights_are_those_of_the_file(model)


def test_load_model_sequential_of_unknown_shape_is_refused():
    config = dense_model()
    del config["config"]["layers"][0]
    with pytest.raises(ValueError, match="does not say the shape of its input"):
        loaded(keras_bytes(config))


def test_load_model_of_version_1_without_version_attributes_fills_the_weights():
    dense_layer = layer(
        "Dense", "dense", output_dim=4, input_dim=3, init="uniform", batch_input_shape=[None, 3]
    )
    config = {"class_name": "Sequential", "config": [dense_layer]}
    content = legacy_bytes(config, version=None, backend=None)
    assert_weights_are_those_of_the_file(loaded(content))


def test_load_model_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.keras"):
        load_model(tmp_path / "nothing.keras")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"{}", "neither a .keras archive"),
        (b"PK\x03\x04", "zip archive cannot be read"),
        (b"\x89HDF\r\n\x1a\n", "cannot be read"),
        (keras_bytes()[:-100], "zip archive cannot be read"),
        (legacy_bytes()[:-100], "cannot be read"),
        (keras_bytes(config="[1, 2]"), r"config\.json holds list"),
        (keras_bytes(config="{"), r"config\.json is not valid JSON"),
        (keras_bytes(config={"class_name": "Sequential"}), "has no config"),
        (keras_bytes(weights=b"none"), "cannot be read"),
        (keras_bytes(version="new"), "does not begin with a number"),
        (legacy_bytes(config=None, layers={}), "has 1 layers with weights, the file has 0"),
        (legacy_bytes(config={}), "holds no model, only weights"),
        (weights_bytes(), "holds no model, only weights"),
        (weights_bytes({"a": BIAS}), "holds no Keras model"),
    ],
)
def test_load_model_unsound_file_gets_one_error_with_its_name(tmp_path, content, reason):
    path = tmp_path / "some model.keras"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=reason) as caught:
        load_model(path)
    assert str(caught.value).startswith(f"Cannot load a model from '{path}': ")


@pytest.mark.parametrize(
    ("units", "features", "reason"),
    [
        (5, 3, r"layer 'dense' expects the shape \(3, 5\) for 'kernel', the file has \(3, 4\)"),
        (4, 2, r"layer 'dense' expects the shape \(2, 4\) for 'kernel', the file has \(3, 4\)"),
    ],
)
def test_load_model_with_other_shapes_is_refused_naming_the_layer(units, features, reason):
    for content in (keras_bytes, legacy_bytes):
        with pytest.raises(ValueError, match=reason):
            loaded(content(dense_model(units, features)))


@pytest.mark.parametrize(("units", "features"), [(2**30, 3), (4, 2**30), (2**31 - 1, 2**31 - 1)])
def test_load_model_config_asking_for_more_than_the_file_has_is_refused(units, features):
    with pytest.raises(ValueError, match="more weights than its file holds"):
        loaded(keras_bytes(dense_model(units, features)))


def test_load_model_many_layers_asking_for_more_together_are_refused():
    layers = [layer("Dense", f"d{i}", units=2000) for i in range(50)]
    with pytest.raises(ValueError, match="more weights than its file holds"):
        loaded(keras_bytes(sequential(*layers)))


@pytest.mark.parametrize(
    "arguments",
    [
        {"units": "4"},
        {"units": -4},
        {"units": None},
        {"units": 4, "colour": "red"},
        {"units": 4, "activation": "system"},
        {"units": 4, "activation": {"class_name": "function", "config": "os.system"}},
        {"units": 4, "kernel_initializer": {"class_name": "Trojan", "config": {}}},
        {"units": 4, "bias_constraint": {"module": "os", "class_name": "system", "config": "ls"}},
        {"units": 4, "dtype": "float64"},
        {"units": 4, "name": ["a"]},
    ],
)
def test_load_model_bad_argument_is_refused_with_the_name_of_the_file(tmp_path, arguments):
    config = sequential({"class_name": "Dense", "config": arguments})
    path = tmp_path / "model.keras"
    path.write_bytes(keras_bytes(config))
    with pytest.raises(ValueError, match=r"model\.keras': its configuration is not valid"):
        load_model(path)


@pytest.mark.parametrize("safe_mode", [True, False])
def test_load_model_lambda_is_refused_whatever_safe_mode_says(safe_mode):
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None}}
    config = sequential(layer("Lambda", "trick", function=code))
    for content in (keras_bytes(config), legacy_bytes(config)):
        with pytest.raises(ValueError, match=r"Lambda \(x1\): trick") as caught:
            loaded(content, safe_mode=safe_mode)
        assert "never run" in str(caught.value)


def test_load_model_class_of_another_module_is_never_looked_up():
    trojan = {"module": "os", "class_name": "system", "config": {"name": "x", "command": "ls"}}
    with pytest.raises(ValueError, match=r"system \(x1\): x"):
        loaded(keras_bytes(sequential({**trojan, "registered_name": None})))


def test_load_model_lambda_replaced_by_layer_name_gets_no_code():
    config = sequential(
        layer("Dense", "dense", units=4), layer("Lambda", "trick", function="code", arguments={})
    )
    model = loaded(keras_bytes(config), custom_objects={"trick": Doubled})
    assert type(model.layers[1]) is Doubled
    assert model.layers[1].name == "trick"


@pytest.mark.parametrize("registered_name", [None, "Package>Doubled"])
def test_load_model_custom_class_gets_its_arguments(registered_name):
    entry = {**layer("Doubled", "twice", factor=4.0), "registered_name": registered_name}
    config = sequential(layer("Dense", "dense", units=4), entry)
    model = loaded(keras_bytes(config), custom_objects={"Doubled": Doubled})
    assert model.layers[1].factor == 4.0


def test_load_model_custom_layer_with_weights_is_filled_from_both_formats():
    config = sequential(layer("Mixed", "mixed"))
    mix = np.array([1, 2, 3], np.float32)
    contents = (
        keras_bytes(config, weights_bytes({"layers/mixed/vars/0": mix})),
        legacy_bytes(config, {"mixed": {"mix:0": mix}}),
    )
    for content in contents:
        model = loaded(content, custom_objects={"Mixed": Mixed})
        np.testing.assert_array_equal(model.layers[0].mix.numpy(), mix)


@pytest.mark.parametrize("supplied", [dict, Doubled(), print, "Doubled"])
def test_load_model_custom_object_that_is_no_layer_class_is_a_type_error(supplied):
    content = keras_bytes(sequential(layer("Doubled", "twice")))
    with pytest.raises(TypeError, match=r"custom_objects\['Doubled'\].*cnnfast's Layer"):
        loaded(content, custom_objects={"Doubled": supplied})


@pytest.mark.parametrize(
    "content",
    [weights_bytes(), keras_bytes(), legacy_bytes(), legacy_bytes(config={})],
    ids=["weights.h5", "keras", "whole h5", "legacy weights"],
)
def test_load_weights_from_every_kind_of_file(content):
    model = Sequential([Dense(4, input_dim=3)])
    load_weights(model, io.BytesIO(content))
    assert_weights_are_those_of_the_file(model)


@pytest.mark.parametrize(
    "content",
    [
        weights_bytes({"layers/dense/vars/0": KERNEL}),
        weights_bytes({"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS[:3]}),
        weights_bytes({"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": np.bytes_(b"text")}),
        weights_bytes({"layers/other/vars/0": KERNEL, "layers/other/vars/1": BIAS}),
        weights_bytes(write=lambda file: file.create_dataset("layers/dense_1/vars/0", data=BIAS)),
        legacy_bytes(layers={"dense": {"kernel": KERNEL}}),
        legacy_bytes(layers={"dense": {"kernel": KERNEL, "bias": BIAS.reshape(2, 2)}}),
        legacy_bytes(layers={"a": {"k": KERNEL, "b": BIAS}, "c": {"k": KERNEL, "b": BIAS}}),
        b"text",
        b"",
    ],
)
def test_load_weights_that_do_not_match_change_nothing(content):
    model = dense()
    before = model.get_weights()
    versions = [variable.version for variable in model.weights]
    with pytest.raises(ValueError, match="Cannot load weights from"):
        load_weights(model, io.BytesIO(content))
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert versions == [variable.version for variable in model.weights]


def test_load_weights_damaged_behind_the_first_array_changes_nothing():
    def write(file):
        data = file.create_dataset("layers/dense/vars/1", (4,), "f4", chunks=(4,), compression=1)
        data.id.write_direct_chunk((0,), b"damaged")

    content = weights_bytes({"layers/dense/vars/0": KERNEL + 1}, write)
    model = dense()
    with pytest.raises(ValueError, match="gzip chunk is damaged"):
        load_weights(model, io.BytesIO(content))
    assert_weights_are_those_of_the_file(model)


def test_load_weights_skip_mismatch_warns_and_fills_the_rest():
    model = Sequential([Dense(4, input_dim=3), Dense(2)])
    before = model.layers[1].get_weights()
    paths = {"layers/dense/vars/0": KERNEL, "layers/dense/vars/1": BIAS}
    other = {"layers/dense_1/vars/0": BIAS, "layers/dense_1/vars/1": BIAS}
    name = model.layers[1].name
    with pytest.warns(UserWarning, match=f"Skipped loading weights: layer '{name}' expects"):
        load_weights(model, io.BytesIO(weights_bytes(paths | other)), skip_mismatch=True)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], KERNEL)
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], before[0])


def test_load_weights_by_name_fills_only_layers_of_that_name():
    model = Sequential([Dense(4, input_dim=3, name="other"), Dense(4, name="dense")])
    before = model.layers[0].get_weights()
    square = np.ones((4, 4), np.float32)
    content = legacy_bytes(layers={"dense": {"k": square, "b": BIAS}, "third": {"k": BIAS}})
    load_weights(model, io.BytesIO(content), by_name=True)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], before[0])
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], square)


def test_load_weights_by_name_of_a_file_without_names_is_refused():
    with pytest.raises(ValueError, match="needs a legacy HDF5 file"):
        load_weights(dense(), io.BytesIO(weights_bytes()), by_name=True)


def test_load_weights_of_an_unbuilt_model_is_refused():
    with pytest.raises(ValueError, match="has no weights yet"):
        load_weights(Sequential([Dense(4)]), io.BytesIO(weights_bytes()))


def test_load_weights_is_a_method_of_models():
    model = Sequential([Dense(4, input_dim=3)])
    model.load_weights(io.BytesIO(weights_bytes()))
    assert_weights_are_those_of_the_file(model)


def test_load_model_does_not_change_the_configuration_it_reports():
    model = loaded(keras_bytes(dense_model(kernel_initializer="he_normal")))
    described = json.loads(model.to_json())["config"]["layers"][1]["config"]
    assert described["kernel_initializer"]["class_name"] == "HeNormal"
