"""State of optimizers in HDF5 files of Keras before 2.11, whose order and names were others."""

from __future__ import annotations

import io
import warnings
from typing import Any

import h5py
import numpy as np
import pytest

import cnnfast
from cnnfast import layers, optimizers
from cnnfast.saving.legacy_h5_writing import write_legacy_model

# Our names of the arrays by those that TensorFlow's Keras 2 ended names in, in its order.
SLOTS: dict[str, tuple[Any, list[tuple[str, str]]]] = {
    "adam": (lambda: optimizers.Adam(), [("m", "momentum"), ("v", "velocity")]),
    "amsgrad": (
        lambda: optimizers.Adam(amsgrad=True),
        [("m", "momentum"), ("v", "velocity"), ("vhat", "velocity_hat")],
    ),
    "adamax": (lambda: optimizers.Adamax(), [("m", "momentum"), ("v", "norm")]),
    "adagrad": (lambda: optimizers.Adagrad(), [("accumulator", "accumulator")]),
    "adadelta": (
        lambda: optimizers.Adadelta(),
        [("accum_grad", "accumulated_grad"), ("accum_var", "accumulated_delta_var")],
    ),
    "momentum": (lambda: optimizers.SGD(momentum=0.9), [("momentum", "momentum")]),
    "rmsprop": (lambda: optimizers.RMSprop(), [("rms", "velocity")]),
    "centered": (
        lambda: optimizers.RMSprop(momentum=0.5, centered=True),
        [("rms", "velocity"), ("momentum", "momentum"), ("mg", "average_gradient")],
    ),
}
STEPS = 7


def network(units: int = 4) -> Any:
    return cnnfast.Sequential([
        cnnfast.Input((4,)), layers.Dense(units, name="a"), layers.Dense(units, name="b"),
    ])  # fmt: skip


def trained(optimizer: Any, units: int = 4) -> Any:
    model = network(units)
    model.compile(optimizer, "mse")
    random = np.random.default_rng(4)
    x, y = random.normal(size=(8, 4)), random.normal(size=(8, units))
    for _ in range(STEPS):
        model.train_on_batch(x, y)
    return model


def slot(model: Any, name: str) -> list[np.ndarray]:
    return [v.numpy() for v in model.optimizer.variables if v.path.endswith(f"_{name}")]


def rewritten(model: Any, entries: list[tuple[str, Any]], version: str = "2.3.1") -> io.BytesIO:
    """Save a model, with other arrays in the place of its optimizer's state."""
    file = io.BytesIO()

    write_legacy_model(file, model)
    with h5py.File(file, "r+") as opened:
        opened.attrs["keras_version"] = version
        del opened["optimizer_weights"]
        group = opened.create_group("optimizer_weights")
        group.attrs["weight_names"] = [name.encode() for name, _ in entries]
        for name, value in entries:
            group.create_dataset(name, data=value)
    file.seek(0)
    return file


def named(model: Any, slots: list[tuple[str, str]]) -> list[tuple[str, Any]]:
    entries: list[tuple[str, Any]] = [("Adam/iter:0", np.int64(STEPS))]
    weights = [weight.path for weight in model.trainable_weights]
    for theirs, ours in slots:
        pairs = zip(weights, slot(model, ours), strict=True)
        entries += [(f"Adam/{path}/{theirs}:0", value) for path, value in pairs]
    return entries


def ordered(model: Any, slots: list[tuple[str, str]]) -> list[tuple[str, Any]]:
    values = [value for _, ours in slots for value in slot(model, ours)]
    numbered = [(f"training/Adam/Variable_{i}:0", value) for i, value in enumerate(values)]
    return [("Adam/iterations:0", np.int64(STEPS)), *numbered]


def assert_state(loaded: Any, model: Any, steps: int = STEPS) -> None:
    assert loaded.compiled
    assert loaded.optimizer.iterations == steps
    pairs = zip(loaded.optimizer.variables[1:], model.optimizer.variables[1:], strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def loaded_silently(file: io.BytesIO) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return cnnfast.load_model(file)


# Both kernels and both biases have one shape, so that a wrong order would not show in shapes.
@pytest.mark.parametrize("name", SLOTS)
def test_state_that_tensorflow_named_is_found_by_its_names(name: str) -> None:
    make, slots = SLOTS[name]
    model = trained(make())
    assert_state(loaded_silently(rewritten(model, named(model, slots), "2.9.0")), model)


def test_interleaved_state_of_ftrl_is_found_by_its_names() -> None:
    model = trained(optimizers.Ftrl())
    first, *rest = named(model, [("accumulator", "accumulator"), ("linear", "linear")])
    half = len(rest) // 2
    mixed = [entry for pair in zip(rest[:half], rest[half:], strict=True) for entry in pair]
    assert_state(loaded_silently(rewritten(model, [first, *mixed], "2.4.0")), model)


@pytest.mark.parametrize("name", ["adam", "amsgrad", "adamax", "adagrad", "adadelta", "momentum"])
def test_state_of_standalone_keras_is_found_by_its_order(name: str) -> None:
    make, slots = SLOTS[name]
    model = trained(make())
    assert_state(loaded_silently(rewritten(model, ordered(model, slots))), model)


def test_placeholders_and_missing_counts_of_standalone_keras_are_known() -> None:
    model = trained(optimizers.Adam())
    fillers = [(f"vhat_{i}", np.zeros(1)) for i in range(len(model.trainable_weights))]
    entries = ordered(model, SLOTS["adam"][1]) + fillers
    assert_state(loaded_silently(rewritten(model, entries, "2.2.4")), model)
    model = trained(optimizers.RMSprop())
    entries = ordered(model, SLOTS["rmsprop"][1])[1:]
    assert_state(loaded_silently(rewritten(model, entries, "2.2.4")), model, steps=0)
    model = trained(optimizers.SGD())
    entries = [(f"v_{i}", np.zeros(w.shape)) for i, w in enumerate(model.trainable_weights)]
    file = rewritten(model, [("iterations:0", np.int64(STEPS)), *entries], "2.2.4")
    assert loaded_silently(file).optimizer.iterations == STEPS


def test_an_order_by_names_that_no_file_holds_is_followed_where_shapes_tell_it() -> None:
    slots = SLOTS["adam"][1]
    model = trained(optimizers.Adam(), units=5)
    assert_state(loaded_silently(rewritten(model, ordered(model, slots), "2.2.0")), model)
    with pytest.warns(UserWarning, match="another form"):
        loaded = cnnfast.load_model(rewritten(model, ordered(model, slots), "2.0.5"))
    assert loaded.compiled
    assert loaded.optimizer.iterations == 0
    one = cnnfast.Sequential([cnnfast.Input((4,)), layers.Dense(3)])
    one.compile("adam", "mse")
    one.train_on_batch(np.ones((2, 4)), np.ones((2, 3)))
    assert_state(loaded_silently(rewritten(one, ordered(one, slots), "2.0.5")), one)


@pytest.mark.parametrize(
    "change",
    [
        lambda entries: entries[:-1],
        lambda entries: [*entries[:-1], (entries[-1][0], np.zeros(3))],
        lambda entries: [*entries, ("Adam/more:0", np.zeros(3))],
        lambda entries: [("Adam/iter:0", np.zeros(2)), *entries[1:]],
    ],
    ids=["too few", "another shape", "too many", "no count"],
)
@pytest.mark.parametrize("layout", [named, ordered])
def test_state_that_could_mean_anything_is_left_out_with_a_warning(
    layout: Any, change: Any
) -> None:
    model = trained(optimizers.Adam())
    entries = change(layout(model, SLOTS["adam"][1]))
    with pytest.warns(UserWarning, match="starts with a freshly initialized optimizer"):
        loaded = cnnfast.load_model(rewritten(model, entries))
    assert loaded.optimizer.iterations == 0
    for one, other in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_nadam_whose_state_means_something_else_today_begins_anew() -> None:
    model = trained(optimizers.Nadam())
    entries = named(model, [("m", "momentum"), ("v", "velocity")])
    with pytest.warns(UserWarning, match="freshly initialized"):
        assert cnnfast.load_model(rewritten(model, entries)).optimizer.iterations == 0
