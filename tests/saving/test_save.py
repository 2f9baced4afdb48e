"""Saving models and weights: what comes back, what is refused, what is left behind."""

from __future__ import annotations

import io
import os
import time
import zipfile

import h5py
import numpy as np
import pytest

import cnnfast
from cnnfast import layers
from cnnfast.saving import load_model, model_text
from savedmodels import (
    CUSTOM_OBJECTS,
    MODELS,
    compiled,
    convnet,
    custom,
    inputs_of,
    nested,
    randomized,
    shared,
)

WHOLE = (".keras", ".h5", ".hdf5")
WEIGHTS = (".weights.h5", ".h5", ".hdf5")

every_model = pytest.mark.parametrize("name", MODELS)


def outputs_of(model):
    outputs = model.predict(inputs_of(model), verbose=0)
    return outputs if isinstance(outputs, list) else [outputs]


def assert_same(first, second):
    for one, other in zip(outputs_of(first), outputs_of(second), strict=True):
        np.testing.assert_array_equal(one, other)


def zeroed(model):
    model.set_weights([np.zeros_like(weight) for weight in model.get_weights()])
    return model


@every_model
@pytest.mark.parametrize("suffix", WHOLE)
def test_saved_model_comes_back_bit_for_bit(tmp_path, name, suffix):
    model = randomized(MODELS[name]())
    model.save(tmp_path / f"model{suffix}")
    loaded = load_model(str(tmp_path / f"model{suffix}"), custom_objects=CUSTOM_OBJECTS)
    assert_same(model, loaded)
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    assert [layer.trainable for layer in loaded.layers] == [
        layer.trainable for layer in model.layers
    ]


@pytest.mark.parametrize("suffix", WHOLE)
def test_layer_inside_and_outside_an_inner_model_becomes_two_equal_layers(tmp_path, suffix):
    model = randomized(shared())
    model.save(tmp_path / f"model{suffix}")
    loaded = load_model(tmp_path / f"model{suffix}")
    inside = loaded.get_layer("inner").get_layer("zz_everywhere")
    outside = loaded.get_layer("zz_everywhere")
    assert inside is not outside
    for one, other in zip(inside.get_weights(), outside.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@every_model
@pytest.mark.parametrize("suffix", WEIGHTS)
def test_saved_weights_come_back_bit_for_bit(tmp_path, name, suffix):
    model = randomized(MODELS[name]())
    path = tmp_path / f"model{suffix}"
    model.save_weights(str(path))
    other = zeroed(MODELS[name]())
    other.load_weights(path)
    assert_same(model, other)


def test_saved_model_that_was_loaded_gives_the_same_file_again(tmp_path, monkeypatch):
    monkeypatch.setattr(time, "strftime", lambda form: "2026-01-01@00:00:00")
    for suffix in WHOLE:
        first, second = tmp_path / f"first{suffix}", tmp_path / f"second{suffix}"
        randomized(nested()).save(first)
        load_model(first).save(second)
        assert first.read_bytes() == second.read_bytes()


def test_equal_models_give_equal_bytes_except_for_the_date(tmp_path):
    model = compiled(randomized(shared()))
    for path in (tmp_path / "1.weights.h5", tmp_path / "2.weights.h5"):
        model.save_weights(path)
    assert (tmp_path / "1.weights.h5").read_bytes() == (tmp_path / "2.weights.h5").read_bytes()
    for path in (tmp_path / "1.h5", tmp_path / "2.h5"):
        model.save(path)
    assert (tmp_path / "1.h5").read_bytes() == (tmp_path / "2.h5").read_bytes()


def test_metadata_names_a_version_and_the_date(tmp_path):
    model = randomized(convnet())
    model.save(tmp_path / "model.keras")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        assert archive.testzip() is None
        metadata = model_text.json.loads(archive.read("metadata.json"))
    assert metadata["keras_version"] == model_text.KERAS_VERSION
    time.strptime(metadata["date_saved"], "%Y-%m-%d@%H:%M:%S")


def test_many_layers_need_several_attributes_for_their_names(tmp_path):
    width, count = 200, 400
    stack = [layers.Activation("relu", name=f"{n:0{width}d}") for n in range(count)]
    model = cnnfast.Sequential([cnnfast.Input((3,)), *stack, layers.Dense(2)])
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        assert "layer_names1" in file["model_weights"].attrs
    loaded = load_model(tmp_path / "model.h5")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("save", ["model.keras", "model.h5", "model.weights.h5"])
def test_writer_that_fails_halfway_leaves_the_old_file(tmp_path, monkeypatch, save):
    path = tmp_path / save
    model = randomized(convnet())
    method = model.save_weights if "weights" in save else model.save
    method(path)
    before = path.read_bytes()
    written = []

    def fail_at_the_third(group, name, **options):
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(name)
        return create(group, name, **options)

    create = h5py.Group.create_dataset
    monkeypatch.setattr(h5py.Group, "create_dataset", fail_at_the_third)
    with pytest.raises(OSError, match="No space left"):
        method(path)
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == [save]


def test_weights_of_a_subclassed_model_are_stored_by_attribute(tmp_path):
    class Subclassed(cnnfast.Model):
        def __init__(self, **options):
            super().__init__(**options)
            self.conv = layers.Conv2D(2, 3)
            self.stack = [layers.Flatten(), layers.Dense(3)]
            self.own = self.add_weight((2,), "ones", "own")

        def call(self, inputs):
            return self.stack[1](self.stack[0](self.conv(inputs)))

    model, other = Subclassed(), Subclassed()
    for instance in (model, other):
        instance(np.zeros((1, 5, 5, 1), np.float32))
    randomized(model)
    model.save_weights(tmp_path / "model.weights.h5")
    with h5py.File(tmp_path / "model.weights.h5") as file:
        assert {"conv", "layers", "stack", "vars"} == set(file)
    other.load_weights(tmp_path / "model.weights.h5")
    for one, loaded in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, loaded)


# ---- what the model was compiled with


def test_compiled_model_is_stored_with_its_training_setup(tmp_path):
    model = compiled(randomized(convnet()))
    model.save(tmp_path / "model.keras")
    model.save(tmp_path / "model.h5")
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:
        config = model_text.json.loads(archive.read("config.json"))
        weights = io.BytesIO(archive.read("model.weights.h5"))
    assert config["compile_config"] == model.get_compile_config()
    assert config["compile_config"]["optimizer"]["config"]["momentum"] == 0.9
    with h5py.File(weights) as file:
        assert len(file["optimizer/vars"]) == len(model.optimizer.variables)
        assert file["optimizer/vars/0"].dtype == np.int64
    with h5py.File(tmp_path / "model.h5") as file:
        training = model_text.json.loads(file.attrs["training_config"])
        names = [name.decode() for name in file["optimizer_weights"].attrs["weight_names"]]
    optimizer = {"class_name": "SGD", "config": model.optimizer.get_config()}
    assert training["optimizer_config"] == optimizer
    assert "optimizer" not in training
    assert names == [variable.path for variable in model.optimizer.variables]


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_compiled_model_is_stored_without_it_on_demand(tmp_path, suffix):
    model = randomized(convnet())
    model.save(tmp_path / f"plain{suffix}")
    compiled(model).save(tmp_path / f"model{suffix}", include_optimizer=False)
    assert len((tmp_path / f"plain{suffix}").read_bytes()) == len(
        (tmp_path / f"model{suffix}").read_bytes()
    )


def test_optimizer_state_comes_back_with_the_weights(tmp_path):
    model, other = compiled(randomized(convnet())), compiled(convnet())
    for index, variable in enumerate(model.optimizer.variables):
        variable.assign(np.full(variable.shape, index + 1))
    model.save_weights(tmp_path / "model.weights.h5")
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same(model, other)
    pairs = zip(model.optimizer.variables, other.optimizer.variables, strict=True)
    for one, loaded in pairs:
        np.testing.assert_array_equal(one.value, loaded.value)


def test_optimizer_state_of_another_optimizer_is_left_out_with_a_warning(tmp_path):
    model, other = compiled(randomized(convnet())), convnet()
    other.compile(cnnfast.optimizers.SGD(name="sgd"), "mse")
    other.optimizer.build(other.trainable_weights)
    model.save_weights(tmp_path / "model.weights.h5")
    with pytest.warns(UserWarning, match="Skipping variable loading for optimizer 'sgd'"):
        other.load_weights(tmp_path / "model.weights.h5")
    assert_same(model, other)
    assert other.optimizer.iterations == 0


# ---- what is refused


@pytest.mark.parametrize("name", ["model", "model.tf", "model.h5.txt", "model.weights"])
def test_save_with_another_ending_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match="Invalid filepath extension for saving"):
        convnet().save(tmp_path / name, save_format="tf")
    with pytest.raises(ValueError, match=r"must end in `\.weights\.h5`"):
        convnet().save_weights(tmp_path / name)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("target", [None, 3, io.BytesIO()])
def test_save_to_something_else_than_a_path_is_a_type_error(target):
    with pytest.raises(TypeError, match="must be a path"):
        convnet().save(target)


def test_save_as_a_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="zipped=False"):
        convnet().save(tmp_path / "model", zipped=False)


def test_save_into_a_missing_folder_is_refused_but_made_for_hdf5(tmp_path):
    for save, name in ((convnet().save, "m.keras"), (convnet().save_weights, "m.weights.h5")):
        with pytest.raises(FileNotFoundError, match="there is no folder"):
            save(tmp_path / "missing" / name)
    convnet().save(tmp_path / "made" / "for" / "model.h5")
    assert (tmp_path / "made" / "for" / "model.h5").exists()


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_save_over_a_file_only_if_that_is_allowed(tmp_path, monkeypatch, name):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    path = tmp_path / name
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError, match="overwrite=False"):
        convnet().save(path, overwrite=False)
    assert path.read_bytes() == b"precious"
    convnet().save(path)
    assert load_model(path).name == "convnet"


def test_save_of_an_unbuilt_model_warns_and_of_its_weights_is_refused(tmp_path):
    model = cnnfast.Sequential([layers.Dense(3)])
    with pytest.warns(UserWarning, match="has not yet been built"):
        model.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    assert not loaded.built
    assert loaded(np.ones((2, 4), np.float32)).shape == (2, 3)
    with pytest.raises(ValueError, match="has not yet been built"):
        model.save_weights(tmp_path / "model.weights.h5")


def test_save_of_a_lambda_names_its_layer(tmp_path):
    nameless = layers.Dense(3, kernel_initializer=lambda shape, dtype: np.ones(shape, dtype))
    nameless.name = "nameless"
    inner = cnnfast.Sequential([cnnfast.Input((4,)), nameless])
    model = cnnfast.Sequential([cnnfast.Input((4,)), inner])
    for suffix in WHOLE:
        with pytest.raises(TypeError, match="Layer 'nameless' cannot be saved"):
            model.save(tmp_path / f"model{suffix}")
    assert os.listdir(tmp_path) == []


def test_save_of_an_argument_that_json_cannot_hold_names_its_layer(tmp_path):
    model = custom()
    model.layers[0].units = object()
    with pytest.raises(TypeError, match=r"Layer 'matrix.*nothing that JSON holds"):
        model.save(tmp_path / "model.keras")


def test_save_of_an_activation_of_keras_2_warns_that_keras_3_lacks_it(tmp_path):
    dense = layers.Dense(3, activation="hard_sigmoid_legacy")
    model = randomized(cnnfast.Sequential([cnnfast.Input((4,)), dense]))
    for suffix in WHOLE:
        with pytest.warns(UserWarning, match="Keras will not"):
            model.save(tmp_path / f"model{suffix}")
        assert_same(model, load_model(tmp_path / f"model{suffix}"))


def test_saving_functions_stand_where_keras_has_them(tmp_path):
    assert cnnfast.models.save_model is cnnfast.saving.save_model
    cnnfast.saving.save_model(convnet(), tmp_path / "model.keras")
    cnnfast.saving.save_weights(convnet(), tmp_path / "model.weights.h5")
