"""Configurations of old Keras versions, rewritten rule by rule."""

from __future__ import annotations

import pytest

from cnnfast.saving.upgrade import generation, modernize, plain_values


def upgraded(class_name, major=2, **arguments):
    entry = {"class_name": class_name, "config": {"name": "it", **arguments}}
    return modernize(entry, major)["config"]


def sequential(*layers, **more):
    return {"class_name": "Sequential", "config": {"name": "s", "layers": list(layers), **more}}


def dense(**arguments):
    return {"class_name": "Dense", "config": {"units": 2, **arguments}}


@pytest.mark.parametrize(
    ("version", "major"), [("2.2.4-tf", 2), ("3.15.1", 3), ("1.2.2", 1), ("10.0", 10), (None, 7)]
)
def test_generation_is_the_leading_number(version, major):
    assert generation(version, default=7) == major


@pytest.mark.parametrize("version", ["", "three", "-1.0", "²"])
def test_generation_of_no_version_is_refused(version):
    with pytest.raises(ValueError, match="does not begin with a number"):
        generation(version, default=3)


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        ({"class_name": "__tuple__", "items": [1, 2]}, [1, 2]),
        ({"class_name": "TensorShape", "items": [None, 4]}, [None, 4]),
        ({"class_name": "__numpy__", "config": {"value": 0.5, "dtype": "float32"}}, 0.5),
        ({"class_name": "__ndarray__", "config": {"value": [1, 2]}}, [1, 2]),
        ({"type": "ndarray", "value": 0.25}, 0.25),
        ({"a": [{"class_name": "__tuple__", "items": []}]}, {"a": [[]]}),
        ({"class_name": "Zeros", "config": {}}, {"class_name": "Zeros", "config": {}}),
    ],
)
def test_plain_values_replaces_the_json_forms_of_arrays_and_tuples(value, plain):
    assert plain_values(value) == plain


def test_input_layer_shape_key_is_renamed():
    config = upgraded("InputLayer", batch_input_shape=[None, 4])
    assert config == {"name": "it", "batch_shape": [None, 4]}


def test_batch_normalization_axis_list_becomes_a_number_and_old_keys_go():
    config = upgraded("BatchNormalization", axis=[3], fused=True, momentum=0.9)
    assert config == {"name": "it", "axis": 3, "momentum": 0.9}


def test_batch_normalization_renorm_stays():
    options = {"axis": -1, "renorm": True, "renorm_clipping": {"rmax": 2.0}, "renorm_momentum": 0.9}
    assert upgraded("BatchNormalization", **options) == {"name": "it", **options}


@pytest.mark.parametrize("class_name", ["BatchNormalizationV1", "BatchNormalizationV2"])
def test_batch_normalization_of_tensorflow_1_gets_its_name(class_name):
    entry = {"class_name": class_name, "config": {"axis": [1]}}
    assert modernize(entry, 2)["class_name"] == "BatchNormalization"


@pytest.mark.parametrize("class_name", ["DepthwiseConv2D", "Conv2DTranspose", "SeparableConv2D"])
def test_single_group_of_layers_without_groups_goes(class_name):
    assert "groups" not in upgraded(class_name, groups=1)


def test_several_groups_of_a_layer_without_groups_are_refused():
    with pytest.raises(ValueError, match="groups=2"):
        upgraded("DepthwiseConv2D", groups=2)


def test_groups_of_a_convolution_stay():
    assert upgraded("Conv2D", groups=2)["groups"] == 2


def test_leaky_relu_alpha_becomes_negative_slope_even_as_an_array():
    array = {"class_name": "__ndarray__", "config": {"value": 0.1, "type": "float32"}}
    assert upgraded("LeakyReLU", alpha=array) == {"name": "it", "negative_slope": 0.1}


@pytest.mark.parametrize(
    ("major", "name"), [(1, "hard_sigmoid_legacy"), (2, "hard_sigmoid_legacy"), (3, "hard_sigmoid")]
)
def test_hard_sigmoid_means_what_the_version_meant(major, name):
    assert upgraded("Dense", major, activation="hard_sigmoid")["activation"] == name


def test_activation_written_as_a_function_becomes_its_name():
    function = {"module": "builtins", "class_name": "function", "config": "relu"}
    assert upgraded("Activation", 3, activation=function)["activation"] == "relu"


def test_embedding_input_length_goes():
    assert upgraded("Embedding", input_dim=5, input_length=9) == {"name": "it", "input_dim": 5}


@pytest.mark.parametrize("class_name", ["Flatten", "Conv1D", "GlobalAveragePooling1D"])
def test_old_layers_without_data_format_keep_the_channels_last(class_name):
    assert upgraded(class_name, 2)["data_format"] == "channels_last"
    assert "data_format" not in upgraded(class_name, 3)


def test_quantized_layer_is_refused():
    with pytest.raises(ValueError, match="quantization_config"):
        upgraded("Dense", 3, quantization_config={"mode": "int8"})


def test_build_information_is_dropped_everywhere():
    inner = {**dense(), "build_config": {"input_shape": [None, 10**9]}}
    entry = {**sequential(inner), "build_config": {}, "compile_config": {"loss": "mse"}}
    modern = modernize(entry, 3)
    assert modern.keys() == {"class_name", "config"}
    assert modern["config"]["layers"][0].keys() == {"class_name", "config"}


def test_model_class_becomes_functional_and_keeps_its_connections():
    connections = {"input_layers": [["i", 0, 0]], "output_layers": [["o", 0, 0]]}
    entry = {"class_name": "Model", "config": {"name": "m", "layers": [], **connections}}
    assert modernize(entry, 2) == {
        "class_name": "Functional",
        "config": {"name": "m", "layers": [], **connections},
    }


def test_bare_list_of_layers_becomes_a_config():
    entry = {"class_name": "Sequential", "config": [dense(batch_input_shape=[None, 3])]}
    layers = modernize(entry, 2)["config"]["layers"]
    assert layers[0]["config"]["batch_input_shape"] == [None, 3]


def test_only_the_first_layer_keeps_an_input_shape():
    shapes = {"batch_input_shape": [None, 3]}
    layers = modernize(sequential(dense(**shapes), dense(**shapes)), 2)["config"]["layers"]
    assert ["batch_input_shape" in layer["config"] for layer in layers] == [True, False]


def test_build_shape_of_a_sequential_moves_to_its_first_layer():
    entry = sequential(dense(), build_input_shape=[32, 7])
    config = modernize(entry, 3)["config"]
    assert config["layers"][0]["config"]["batch_input_shape"] == [None, 7]
    assert "build_input_shape" not in config


def test_build_shape_of_a_sequential_with_an_input_changes_nothing():
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, 5]}}
    config = modernize(sequential(first, dense(), build_input_shape=[None, 7]), 3)["config"]
    assert config["layers"] == [first, dense()]


def test_modernize_leaves_its_argument_alone():
    entry = sequential(dense(activation="hard_sigmoid", batch_input_shape=[None, 3]))
    before = repr(entry)
    modernize(entry, 1)
    assert repr(entry) == before


def test_unknown_layer_keeps_its_arguments():
    assert upgraded("Mine", groups=1, alpha=2) == {"name": "it", "groups": 1, "alpha": 2}
