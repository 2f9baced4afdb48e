"""Descriptions of objects: the forms that are read, the one that is written, and whose names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cnnfast import serialization
from cnnfast.serialization import Configurable, Registry


class Shade(Configurable):
    """A small object with one argument."""

    fields = ("depth",)

    def __init__(self, depth: int = 1) -> None:
        self.depth = depth

    def __call__(self) -> int:
        return self.depth


REGISTRY: Registry[Callable[..., Any]] = Registry("shade", {"Shade": Shade, "shade": Shade})


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what a test registers."""
    monkeypatch.setattr(serialization, "_registered", {})


def dusk() -> int:
    """Return the depth of a shade without settings."""
    return 9


@pytest.mark.parametrize(
    ("identifier", "expected"),
    [
        ("relu", ("relu", {})),
        ({"class_name": "L2", "config": {"l2": 0.5}}, ("L2", {"l2": 0.5})),
        ({"class_name": "L2"}, ("L2", {})),
        ({"class_name": "L2", "config": None}, ("L2", {})),
        (
            {"module": "a.b", "class_name": "L2", "config": {}, "registered_name": "x>L2"},
            ("L2", {}),
        ),
        (
            {"class_name": "function", "config": "relu", "module": "builtins"},
            ("relu", {}),
        ),
        ({"name": "MaxNorm", "m": 3}, ("MaxNorm", {"m": 3})),
    ],
    ids=str,
)
def test_object_config_reads_every_form(identifier: Any, expected: Any) -> None:
    assert serialization.object_config(identifier) == expected


@pytest.mark.parametrize(
    "identifier",
    [
        None,
        3,
        {},
        {"class_name": 3},
        {"class_name": "L2", "config": "l2"},
        {"class_name": "L2", "config": [1]},
        {"class_name": "function", "config": {"name": "relu"}},
        {"class_name": "function"},
    ],
    ids=str,
)
def test_object_config_of_something_else_says_what_a_description_is(identifier: Any) -> None:
    with pytest.raises(ValueError, match=r"is described by a name or .* Received: identifier="):
        serialization.object_config(identifier)


def test_object_config_leaves_the_description_alone() -> None:
    described = {"name": "MaxNorm", "m": 3}
    serialization.object_config(described)[1]["m"] = 4
    assert described == {"name": "MaxNorm", "m": 3}


def test_serialize_object_of_the_user_names_its_own_module() -> None:
    assert serialization.serialize_object(Shade(3), "keras.shades") == {
        "module": Shade.__module__,
        "class_name": "Shade",
        "config": {"depth": 3},
        "registered_name": "Shade",
    }


def test_serialize_object_of_a_function_names_it() -> None:
    assert serialization.serialize_object(dusk, "keras.shades") == {
        "module": "builtins",
        "class_name": "function",
        "config": "dusk",
        "registered_name": "function",
    }


@pytest.mark.parametrize("instance", [lambda: 1, 3, Shade], ids=["lambda", "int", "class"])
def test_serialize_object_without_a_name_or_configuration_is_refused(instance: Any) -> None:
    with pytest.raises(TypeError, match=r"can be stored\. Received"):
        serialization.serialize_object(instance, "keras.shades")


def test_registry_builds_from_name_class_and_description() -> None:
    for identifier in ("shade", Shade, {"class_name": "Shade", "config": {"depth": 1}}):
        assert repr(REGISTRY.get(identifier)) == "Shade(depth=1)"


def test_registry_looks_up_no_module_of_a_file() -> None:
    described = {"module": "os", "class_name": "getcwd", "config": {}, "registered_name": "getcwd"}
    with pytest.raises(ValueError, match=r"no shade 'getcwd'. Known shades: Shade, shade\."):
        REGISTRY.get(described)


def test_registry_prefers_the_objects_of_the_caller() -> None:
    class Darker(Shade):
        pass

    assert isinstance(REGISTRY.deserialize("Shade", {"Shade": Darker}), Darker)
    assert type(REGISTRY.deserialize("Shade")) is Shade


def test_registry_with_a_class_without_from_config_calls_it() -> None:
    class Plain:
        def __init__(self, depth: int) -> None:
            self.depth = depth

    built: Any = REGISTRY.deserialize({"class_name": "P", "config": {"depth": 4}}, {"P": Plain})
    assert built.depth == 4


def test_custom_object_scope_is_nested_and_forgotten() -> None:
    with serialization.custom_object_scope({"dusk": dusk}):
        with serialization.custom_object_scope({"Night": Shade}):
            assert serialization.find_custom_object("dusk") is dusk
            assert serialization.find_custom_object("Night") is Shade
        assert serialization.find_custom_object("Night") is None
    assert serialization.find_custom_object("dusk") is None


def test_custom_object_scope_left_by_an_error_is_forgotten() -> None:
    with pytest.raises(RuntimeError), serialization.custom_object_scope({"dusk": dusk}):
        raise RuntimeError
    assert serialization.find_custom_object("dusk") is None


@pytest.mark.usefixtures("registered")
def test_registered_class_is_written_and_found_under_its_package() -> None:
    register = serialization.register_keras_serializable("colours")
    assert register(Shade) is Shade
    described = serialization.serialize_object(Shade(2), "keras.shades")
    assert described is not None
    assert described["registered_name"] == "colours>Shade"
    empty: Registry[Callable[..., Any]] = Registry("shade", {})
    assert repr(empty.get(described)) == "Shade(depth=2)"


@pytest.mark.usefixtures("registered")
def test_registered_function_is_written_and_found_under_its_package() -> None:
    serialization.register_keras_serializable("colours", name="evening")(dusk)
    described = serialization.serialize_object(dusk, "keras.shades")
    assert described is not None
    assert described["config"] == "colours>evening"
    assert REGISTRY.get(described) is dusk


@pytest.mark.parametrize("array", [np.arange(6.0).reshape(2, 3), np.array([1, 2], np.int32)])
def test_array_encoded_and_decoded_is_the_same(array: np.ndarray) -> None:
    decoded = serialization.decode_value(serialization.encode_value(array))
    assert decoded.dtype == array.dtype
    assert_array_equal(decoded, array)


@pytest.mark.parametrize("value", [1, 0.5, [1, 2], None, {"class_name": "Other", "config": {}}])
def test_value_without_arrays_stays_as_it_is(value: Any) -> None:
    assert serialization.decode_value(serialization.encode_value(value)) == value


@pytest.mark.parametrize(
    "config", [None, {}, {"value": [1], "dtype": "object"}, {"value": [1], "dtype": "str"}]
)
def test_decode_value_of_a_broken_array_raises(config: Any) -> None:
    with pytest.raises(ValueError, match="Received"):
        serialization.decode_value({"class_name": "__numpy__", "config": config})
