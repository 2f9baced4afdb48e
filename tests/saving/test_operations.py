"""Arithmetic on tensors that a file records, and the layers it becomes."""

from __future__ import annotations

from typing import Any

import pytest

from cnnfast.saving.operations import as_layer


def operation(name: str, *terms: Any, module: str | None = "keras.src.ops.numpy") -> Any:
    """Describe an operation on tensors, given by their shapes, and numbers."""

    def term(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        config = {"shape": value, "dtype": "float32", "keras_history": ["a", 0, 0]}
        return {"class_name": "__keras_tensor__", "config": config}

    entry = {
        "class_name": name,
        "config": {"name": "it"},
        "inbound_nodes": [{"args": [term(value) for value in terms], "kwargs": {}}],
    }
    return {**entry, "module": module, "registered_name": name} if module else entry


@pytest.mark.parametrize("module", ["keras.src.ops.numpy", None])
@pytest.mark.parametrize("name", ["Add", "Subtract", "Multiply", "Maximum", "Minimum"])
@pytest.mark.parametrize("other", [[None, 4], [None, 1]])
def test_operation_on_two_tensors_becomes_the_layer_that_merges(name, other, module):
    entry = operation(name, [None, 4], other, module=module)
    modern = as_layer(entry)
    assert modern["class_name"] == name
    assert not modern.keys() & {"module", "registered_name"}
    (node,) = modern["inbound_nodes"]
    assert node == {"args": [entry["inbound_nodes"][0]["args"]], "kwargs": {}}


@pytest.mark.parametrize(
    ("name", "terms", "line"),
    [
        ("Add", ([None, 4], 3.0), (1.0, 3.0)),
        ("Add", (3, [None, 4]), (1.0, 3)),
        ("Subtract", ([None, 4], 3.0), (1.0, -3.0)),
        ("Subtract", (3.0, [None, 4]), (-1.0, 3.0)),
        ("Multiply", ([None, 4], 0.25), (0.25, 0.0)),
        ("Multiply", (0.25, [None, 4]), (0.25, 0.0)),
        ("Divide", ([None, 4], 8), (0.125, 0.0)),
        ("TrueDivide", ([None, 4], 8), (0.125, 0.0)),
    ],
)
def test_operation_with_a_number_becomes_rescaling(name, terms, line):
    entry = operation(name, *terms)
    modern = as_layer(entry)
    assert modern["class_name"] == "Rescaling"
    assert (modern["config"]["scale"], modern["config"]["offset"]) == line
    (tensor,) = modern["inbound_nodes"][0]["args"]
    assert tensor in entry["inbound_nodes"][0]["args"]


@pytest.mark.parametrize(
    "entry",
    [
        operation("Add", [None, 4], [None, 5, 4]),
        operation("Add", [None, 4]),
        operation("Add", [None, 4], "three"),
        operation("Add", [None, 4], True),
        operation("Add", 1.0, 2.0),
        operation("Divide", [None, 4], 0),
        operation("Divide", 1.0, [None, 4]),
        operation("Divide", [None, 4], [None, 4]),
        operation("Power", [None, 4], 2.0),
        {**operation("Add", [None, 4], 2.0), "inbound_nodes": [[["a", 0, 0, {}]]]},
        {**operation("Add", [None, 4], 2.0), "inbound_nodes": None},
        {
            **operation("Add", [None, 4], 2.0),
            "inbound_nodes": 2 * operation("Add", [None, 4], 2.0)["inbound_nodes"],
        },
    ],
)
def test_other_operations_stay_operations(entry):
    assert as_layer(entry) is entry


def test_layer_that_merges_stays_as_it_is():
    entry = operation("Multiply", [None, 4], [None, 4], module=None)
    nodes = [{"args": [entry["inbound_nodes"][0]["args"]], "kwargs": {}}]
    layer = {**entry, "inbound_nodes": nodes}
    assert as_layer(layer) is layer
