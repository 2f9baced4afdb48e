"""Files cut short, changed at random and made up: a model or one error, never anything else."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnfast.models import Model
from cnnfast.saving import load_model, load_weights
from cnnfast.saving.upgrade import modernize
from kerasfiles import dense_model, keras_bytes, layer, legacy_bytes, weights_bytes

SOUND = {"keras": keras_bytes(), "h5": legacy_bytes()}
KINDS = pytest.mark.parametrize("kind", SOUND)


def assert_loads_or_is_refused(content):
    """Load bytes as a model: anything but a model or a ValueError fails the test."""
    try:
        model = load_model(io.BytesIO(content))
    except ValueError as error:
        message = str(error)
    else:
        message = ""
        assert isinstance(model, Model)
    assert not message or message.startswith("Cannot load a model from ")


@KINDS
def test_truncated_file_is_refused_at_every_length(kind):
    content = SOUND[kind]
    for length in range(0, len(content), 61):
        with pytest.raises(ValueError, match="Cannot load a model from"):
            load_model(io.BytesIO(content[:length]))


@KINDS
@given(data=st.data())
def test_changed_bytes_load_or_are_refused(kind, data):
    content = bytearray(SOUND[kind])
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=20)):
        content[place] = data.draw(st.integers(0, 255))
    assert_loads_or_is_refused(bytes(content))


@KINDS
@given(data=st.data())
def test_swapped_blocks_load_or_are_refused(kind, data):
    content = bytearray(SOUND[kind])
    places = st.integers(0, len(content) - 64)
    first, second = data.draw(places), data.draw(places)
    content[first : first + 64] = content[second : second + 64]
    assert_loads_or_is_refused(bytes(content))


@given(st.binary(max_size=200))
def test_bytes_with_the_beginning_of_a_format_are_refused(content):
    for start in (b"PK\x03\x04", b"\x89HDF\r\n\x1a\n"):
        with pytest.raises(ValueError, match="Cannot load a model from"):
            load_model(io.BytesIO(start + content))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["Dense", "InputLayer", "Functional", "Sequential", "input", "relu"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["class_name", "config", "layers", "name", "inbound_nodes", "units", "batch_shape"]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
ENTRIES = st.fixed_dictionaries(
    {
        "class_name": st.sampled_from(["Dense", "Flatten", "InputLayer", "BatchNormalization"]),
        "config": st.dictionaries(
            st.sampled_from(["name", "units", "batch_shape", "axis", "activation", "dtype"]),
            JSON,
            max_size=4,
        ),
        "inbound_nodes": JSON,
    }
)


@given(
    class_name=st.sampled_from(["Sequential", "Functional", "Model"]),
    layers=st.lists(ENTRIES | JSON, max_size=4),
    ends=JSON,
)
def test_made_up_configurations_load_or_are_refused(class_name, layers, ends):
    config = {"name": "m", "layers": layers, "input_layers": ends, "output_layers": ends}
    entry = {"class_name": class_name, "config": config}
    assert_loads_or_is_refused(keras_bytes(entry))


@given(entry=ENTRIES, major=st.sampled_from([1, 2, 3]))
def test_modernize_of_made_up_layers_returns_a_layer_or_refuses(entry, major):
    try:
        modern = modernize(entry, major)
    except ValueError:
        return
    assert isinstance(modern["class_name"], str)
    assert isinstance(modern["config"], dict)


def test_deep_configuration_is_refused():
    text = json.dumps(dense_model()).replace('"units": 4', '"units": ' + "[" * 5000 + "]" * 5000)
    with pytest.raises(ValueError, match="nested"):
        load_model(io.BytesIO(keras_bytes(text)))


def test_model_that_contains_itself_by_name_is_refused():
    call = [[["loop", 0, 0, {}]]]
    inner = {**layer("Dense", "loop", units=4), "name": "loop", "inbound_nodes": call}
    config = {"layers": [inner], "input_layers": [["loop", 0, 0]], "output_layers": ["loop", 0, 0]}
    with pytest.raises(ValueError, match="cannot be connected"):
        load_model(io.BytesIO(keras_bytes({"class_name": "Functional", "config": config})))


@given(data=st.data())
def test_changed_weights_leave_the_model_or_fill_it(data):
    content = bytearray(weights_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
        content[place] ^= data.draw(st.integers(1, 255))
    model = load_model(io.BytesIO(SOUND["keras"]))
    versions = [variable.version for variable in model.weights]
    try:
        load_weights(model, io.BytesIO(bytes(content)))
    except ValueError:
        assert [variable.version for variable in model.weights] == versions
    else:
        assert [variable.version for variable in model.weights] == [v + 1 for v in versions]
