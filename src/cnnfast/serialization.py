"""Objects as Keras's files describe them: the name of a class and its constructor's arguments.

Nothing here imports a module because a file names it. A name is looked up in three places, in
this order: the objects that the caller passes in, the objects that the program registered or
opened a scope for, and a fixed table of this package's own classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Any, ClassVar, Generic, Self, TypeVar

import numpy as np

from cnnfast import arguments
from cnnfast.names import unknown
from cnnfast.ops.geometry import received

Config = dict[str, Any]
Kind = TypeVar("Kind", bound=Callable[..., Any])
Registered = TypeVar("Registered", bound=Callable[..., Any])

PACKAGE = __name__.partition(".")[0]
ARRAY_CLASSES = frozenset({"__numpy__", "__ndarray__", "__tensor__"})

_registered: dict[str, Any] = {}
_scope: ContextVar[Mapping[str, Any]] = ContextVar(
    "cnnfast_custom_objects", default=MappingProxyType({})
)


class Configurable:
    """An object that can be rebuilt from a dict of its constructor's arguments.

    Subclasses name the arguments in `fields`, and keep each in an attribute of that name.
    """

    fields: ClassVar[tuple[str, ...]] = ()

    def get_config(self) -> Config:
        """Return the constructor's arguments by name, ready for JSON."""
        return {field: encode_value(getattr(self, field)) for field in self.fields}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Build the object that `get_config` described.

        Args:
            config: the constructor's arguments by name.

        Returns:
            A new object.
        """
        return cls(**config)

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({settings})"


class Registry(Generic[Kind]):
    """The objects of one kind that a name, a dict or the user can mean.

    Args:
        kind: what the objects are called in messages, such as "initializer".
        classes: the classes by every name they answer to.
    """

    def __init__(self, kind: str, classes: Mapping[str, Callable[..., Kind]]) -> None:
        self.kind = kind
        self.module = f"keras.{kind}s"
        self.classes = classes

    def get(self, identifier: Any) -> Kind | None:
        """Find the object that an identifier means.

        Args:
            identifier: None, a name, the dict a file holds, a class, or something that can be
                called, which is returned as it is.

        Returns:
            The object, or None for None.

        Raises:
            ValueError: the identifier means none.
        """
        if identifier is None:
            return None
        if isinstance(identifier, str | Mapping):
            return self.deserialize(identifier)
        found = identifier() if isinstance(identifier, type) else identifier
        if not callable(found):
            raise self._unknown(identifier)
        callable_object: Kind = found
        return callable_object

    def serialize(self, instance: Any) -> Config | None:
        """Describe an object the way a Keras 3 file does (see `serialize_object`)."""
        return serialize_object(instance, self.module)

    def deserialize(
        self, config: str | Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Kind:
        """Build the object that a file describes.

        Args:
            config: a name or a dict, in any form that `object_config` reads.
            custom_objects: further classes and functions of the caller, by name; they go first.

        Returns:
            The object.

        Raises:
            ValueError: the description is broken or its name is not known.
            TypeError: the arguments do not fit the class.
        """
        name, settings = object_config(config)
        registered_name = config.get("registered_name") if isinstance(config, Mapping) else None
        with custom_object_scope(custom_objects or {}):
            found = find_custom_object(registered_name, name) or self.classes.get(name)
            if found is None:
                raise self._unknown(name)
            built: Kind = _build(found, name, settings)
        return built

    def _unknown(self, identifier: object) -> ValueError:
        return unknown(self.kind, identifier, self.classes)


def object_config(identifier: str | Mapping[str, Any]) -> tuple[str, Config]:
    """Read the name and the arguments of an object from any form that Keras has written.

    Keras 2 and 3 write {"class_name": name, "config": {...}}, with further keys in Keras 3;
    functions are {"class_name": "function", "config": name}; Keras 1 writes the arguments beside
    the name, {"name": name, ...}; a bare string is a name without arguments.

    Args:
        identifier: one of these forms.

    Returns:
        (name, arguments).

    Raises:
        ValueError: it has none of these forms.

    Example:
        >>> object_config({"class_name": "L2", "config": {"l2": 0.5}})
        ('L2', {'l2': 0.5})
        >>> object_config({"name": "MaxNorm", "m": 3})
        ('MaxNorm', {'m': 3})
    """
    if isinstance(identifier, str):
        return identifier, {}
    if not isinstance(identifier, Mapping):
        raise _malformed(identifier)
    settings: Any
    if "class_name" not in identifier:
        settings = dict(identifier)
        name = settings.pop("name", None)
    elif identifier["class_name"] == "function":
        name, settings = identifier.get("config"), {}
    else:
        name, settings = identifier["class_name"], identifier.get("config") or {}
    if not isinstance(name, str) or not isinstance(settings, Mapping):
        raise _malformed(identifier)
    return name, dict(settings)


def serialize_object(instance: Any, module: str) -> Config | None:
    """Describe an object the way a Keras 3 file does.

    Args:
        instance: an object with `get_config`, a function with a name, or None.
        module: where Keras exports the object if it is this package's own, such as
            "keras.initializers".

    Returns:
        {"module", "class_name", "config", "registered_name"}, or None for None.

    Raises:
        TypeError: the object has neither a configuration nor a name that a file could keep.
    """
    if instance is None:
        return None
    if hasattr(instance, "get_config") and not isinstance(instance, type):
        return _describe(instance, module)
    name = registered_name(instance) or getattr(instance, "__name__", "<lambda>")
    if isinstance(instance, type) or name == "<lambda>":
        raise TypeError(
            f"Only objects with `get_config` and named functions can be stored. "
            f"Received: {instance!r}."
        )
    return {
        "module": "builtins",
        "class_name": "function",
        "config": name,
        "registered_name": "function",
    }


def encode_value(value: Any) -> Any:
    """Turn a number, a list or an array into what JSON can hold, as Keras 3 does."""
    if isinstance(value, np.ndarray):
        return {
            "class_name": "__numpy__",
            "config": {"value": value.tolist(), "dtype": value.dtype.name},
        }
    return value.item() if isinstance(value, np.generic) else value


def decode_value(value: Any) -> Any:
    """Turn the JSON form of an array back into an array, and leave everything else alone.

    Raises:
        ValueError: the form is broken, or its dtype is not numeric.
    """
    if not isinstance(value, Mapping) or value.get("class_name") not in ARRAY_CLASSES:
        return value
    config = value.get("config")
    if not isinstance(config, Mapping) or "value" not in config:
        raise _malformed(value)
    dtype: Any = config.get("dtype")
    return np.array(config["value"], arguments.dtype(dtype, "A stored array"))


@contextmanager
def custom_object_scope(custom_objects: Mapping[str, Any]) -> Iterator[None]:
    """Make classes and functions known by name inside a `with` block.

    Args:
        custom_objects: the classes and functions by the names that files give them.

    Yields:
        Nothing; the names are forgotten at the end of the block.
    """
    token = _scope.set({**_scope.get(), **custom_objects})
    try:
        yield
    finally:
        _scope.reset(token)


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Callable[[Registered], Registered]:
    """Make a class or function of the user known to files for the life of the program.

    Args:
        package: the user's own prefix, which keeps equal names apart.
        name: the name after the prefix; by default the class's or function's own.

    Returns:
        A decorator that returns what it decorates.
    """

    def register(registered: Registered) -> Registered:
        own_name = name or getattr(registered, "__name__", type(registered).__name__)
        _registered[f"{package}>{own_name}"] = registered
        return registered

    return register


def registered_name(registered: Any) -> str | None:
    """Return the name that a class or function was registered under, or None."""
    return next((name for name, known in _registered.items() if known is registered), None)


def find_custom_object(*names: str | None) -> Any:
    """Return the first object that the open scopes or the program know by one of these names."""
    scope = _scope.get()
    for known in (scope, _registered):
        for name in names:
            if isinstance(name, str) and name in known:
                return known[name]
    return None


def _describe(instance: Any, module: str) -> Config:
    cls = type(instance)
    own = cls.__module__.partition(".")[0] == PACKAGE
    return {
        "module": module if own else cls.__module__,
        "class_name": cls.__name__,
        "config": instance.get_config(),
        "registered_name": None if own else registered_name(cls) or cls.__name__,
    }


def _build(found: Any, name: str, settings: Config) -> Any:
    if not isinstance(found, type):
        return found
    build: Callable[[Config], Any] = getattr(found, "from_config", lambda config: found(**config))
    try:
        return build(settings)
    except TypeError as error:
        raise TypeError(
            f"{name}: its configuration must hold its constructor's arguments ({error}). "
            f"Received: config={settings!r}."
        ) from error


def _malformed(identifier: object) -> ValueError:
    expectation = 'An object is described by a name or {"class_name": name, "config": {...}}'
    return received(None, expectation, "identifier", identifier)
