"""Limits on configurations, and the one message that names every unsupported layer."""

from __future__ import annotations

import json

import pytest

from cnnfast.saving import config


def layer(class_name, name, **arguments):
    return {"class_name": class_name, "config": {"name": name, **arguments}}


def sequential(*layers, name="model"):
    return {"class_name": "Sequential", "config": {"name": name, "layers": list(layers)}}


def test_parse_json_object_returns_it():
    assert config.parse_json(b'{"a": [1, null]}', "config.json") == {"a": [1, None]}


@pytest.mark.parametrize("text", ["[1]", "null", '"text"', "3"])
def test_parse_json_other_value_is_refused(text):
    with pytest.raises(ValueError, match=r"config\.json holds .*expected a JSON object"):
        config.parse_json(text, "config.json")


@pytest.mark.parametrize("text", ["{", "", "{'a': 1}", b"\xff\xfe\x00"])
def test_parse_json_broken_text_is_refused_naming_the_text(text):
    with pytest.raises(ValueError, match=r"config\.json is not valid JSON"):
        config.parse_json(text, "config.json")


def test_parse_json_integer_of_many_digits_is_refused():
    with pytest.raises(ValueError, match="is not valid JSON"):
        config.parse_json('{"a": ' + "9" * 5000 + "}", "config.json")


@pytest.mark.parametrize("levels", [config.MAX_DEPTH, 100_000])
def test_parse_json_too_deep_is_refused(levels):
    text = '{"a": ' * levels + "[]" + "}" * levels
    with pytest.raises(ValueError, match="nested"):
        config.parse_json(text, "config.json")


def test_parse_json_at_the_depth_limit_is_accepted():
    levels = config.MAX_DEPTH - 1
    assert config.parse_json('{"a": ' * levels + "[]" + "}" * levels, "config.json")


def test_parse_json_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(config, "MAX_JSON_BYTES", 10)
    with pytest.raises(ValueError, match="has 11 bytes, at most 10"):
        config.parse_json('{"a": 1   }', "config.json")


@pytest.mark.parametrize(("value", "levels"), [(1, 0), ([], 1), ({"a": [[]]}, 3), ([1, {}], 2)])
def test_depth_counts_lists_and_objects(value, levels):
    assert config.depth(value) == levels


def test_walk_yields_nested_layers_with_their_paths():
    inner = sequential(layer("Dense", "one"), name="inner")
    entry = sequential(inner, layer("Flatten", "two"))
    assert [(found.class_name, found.path) for found in config.walk(entry)] == [
        ("Sequential", "inner"),
        ("Dense", "inner/one"),
        ("Flatten", "two"),
    ]


def test_walk_enters_wrappers():
    wrapped = layer("TimeDistributed", "times", layer=layer("Conv9D", "inside"))
    paths = [found.path for found in config.walk(sequential(wrapped))]
    assert paths == ["times", "times/inside"]


def test_walk_accepts_the_bare_list_of_old_sequentials():
    entry = {"class_name": "Sequential", "config": [layer("Dense", "one")]}
    assert [found.path for found in config.walk(entry)] == ["one"]


@pytest.mark.parametrize(
    "layers",
    [None, 3, "Dense", [3], [{}], [{"class_name": 3, "config": {}}], [{"class_name": "A"}]],
)
def test_check_limits_malformed_layers_are_refused(layers):
    with pytest.raises(ValueError, match="layer"):
        config.check_limits({"class_name": "Sequential", "config": {"layers": layers}})


def test_check_limits_model_of_unknown_class_is_refused():
    with pytest.raises(ValueError, match=r"class 'Trojan'.*expected one of Functional"):
        config.check_limits({"class_name": "Trojan", "config": {"layers": []}})


def test_check_limits_too_many_layers_are_refused():
    many = sequential(*[layer("Dense", "d")] * (config.MAX_LAYERS + 1))
    with pytest.raises(ValueError, match=f"more than {config.MAX_LAYERS} layers"):
        config.check_limits(many)


def test_check_limits_nested_models_that_multiply_are_refused():
    entry = sequential(layer("Dense", "d"))
    for _ in range(20):
        entry = sequential({**entry, "inbound_nodes": [[], []]}, {**entry, "inbound_nodes": []})
        entry["config"]["layers"] = entry["config"]["layers"][:1]
    with pytest.raises(ValueError, match="applies its layers more than"):
        config.check_limits(entry)


@pytest.mark.parametrize(
    ("key", "value"),
    [("filters", 2**31), ("kernel_size", [3, 10**12]), ("padding", [[0, 1], [0, -(2**31)]])],
)
def test_check_limits_huge_size_is_refused_naming_layer_and_key(key, value):
    with pytest.raises(ValueError, match=rf"layer 'big' \(Conv2D\) has {key}="):
        config.check_limits(sequential(layer("Conv2D", "big", **{key: value})))


def test_check_limits_large_seed_is_accepted():
    config.check_limits(sequential(layer("Dropout", "d", rate=0.5, seed=2**60)))


def test_check_supported_allowed_layers_pass():
    config.check_supported(sequential(layer("Dense", "d")), {"Dense"}, {})


def test_check_supported_names_every_layer_with_count_and_place():
    inner = sequential(layer("LSTM", "memory"), name="inner")
    entry = sequential(layer("Dense", "d"), layer("LSTM", "first"), inner, layer("Fancy", "last"))
    with pytest.raises(ValueError, match="does not support") as caught:
        config.check_supported(entry, {"Dense"}, {})
    message = str(caught.value)
    assert "LSTM (x2): first, inner/memory" in message
    assert "Fancy (x1): last" in message
    assert "Dense" not in message


def test_check_supported_lambda_says_that_code_is_never_run():
    with pytest.raises(ValueError, match="holds code, which is never run"):
        config.check_supported(sequential(layer("Lambda", "l", function="x")), {"Dense"}, {})


@pytest.mark.parametrize("key", ["Fancy", "last"])
def test_check_supported_custom_class_or_layer_name_passes(key):
    config.check_supported(sequential(layer("Fancy", "last")), {"Dense"}, {key})


def test_check_supported_layer_named_like_an_allowed_class_is_refused():
    with pytest.raises(ValueError, match=r"Lambda \(x1\): Dense"):
        config.check_supported(sequential(layer("Lambda", "Dense")), {"Dense"}, {})


def test_check_supported_operation_called_like_a_layer_is_refused_with_its_module():
    operation = {**layer("Add", "sum"), "module": "keras.src.ops.numpy"}
    with pytest.raises(ValueError, match=r"keras\.src\.ops\.numpy\.Add \(x1\)"):
        config.check_supported(sequential(operation), {"Add"}, {})


def test_check_supported_long_list_of_places_is_cut():
    entry = sequential(*(layer("LSTM", f"l{i}") for i in range(12)))
    with pytest.raises(ValueError, match=r"LSTM \(x12\): l0, .*l7, and 4 more"):
        config.check_supported(entry, {}, {})


def test_parsed_configuration_survives_a_round_trip():
    entry = sequential(layer("Dense", "d", units=3))
    assert config.parse_json(json.dumps(entry), "config.json") == entry
