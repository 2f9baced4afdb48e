"""The order of layers in a network; the expected orders are those of Keras 3.15."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cnnfast.engine.input_layer import Input
from cnnfast.engine.tensor import KerasTensor
from cnnfast.engine.topology import Network
from cnnfast.layers import Add, Dense

Ends = tuple[list[KerasTensor], list[KerasTensor]]


def branches_of_unequal_length() -> Ends:
    x = Input((4,), name="x")
    long = Dense(4, name="b")(Dense(4, name="a")(x))
    return [x], [Add(name="sum")([Dense(4, name="c")(x), long])]


def layer_called_twice() -> Ends:
    x, y = Input((4,), name="x"), Input((4,), name="y")
    twin = Dense(4, name="twin")
    return [x, y], [Add(name="sum")([twin(Dense(4, name="first")(y)), twin(x)])]


def inputs_without_use() -> Ends:
    x, y, z = (Input((4,), name=name) for name in "xyz")
    return [x, y, z], [Dense(4, name="a")(y)]


def outputs_at_different_depths() -> Ends:
    x = Input((4,), name="x")
    a, b = Dense(4, name="a")(x), Dense(4, name="b")(x)
    return [x], [Dense(4, name="c")(b), a, b]


@pytest.mark.parametrize(
    ("make", "names"),
    [
        (branches_of_unequal_length, ["x", "a", "c", "b", "sum"]),
        (layer_called_twice, ["y", "first", "x", "twin", "sum"]),
        (inputs_without_use, ["y", "x", "z", "a"]),
        (outputs_at_different_depths, ["x", "b", "c", "a"]),
    ],
)
def test_layers_are_in_the_order_of_keras(make: Callable[[], Ends], names: list[str]) -> None:
    assert [layer.name for layer in Network(*make()).layers] == names


def test_nodes_come_after_those_they_read() -> None:
    network = Network(*layer_called_twice())
    known = {id(tensor) for tensor in network.inputs}
    for node in network.nodes:
        assert {id(tensor) for tensor in node.inputs} <= known
        known |= {id(tensor) for tensor in node.outputs}


def test_network_of_a_thousand_layers_does_not_recurse() -> None:
    x = tensor = Input((4,))
    for _ in range(1500):
        tensor = Add()([tensor, tensor])
    assert len(Network([x], [tensor]).layers) == 1501


def test_output_of_another_input_is_reported_as_disconnected() -> None:
    other = Input((3,), name="other")
    with pytest.raises(ValueError, match=r"disconnected.*name=other.*layer 'other'.*'mine'"):
        Network([Input((3,), name="mine")], [Dense(2)(other)])


def test_layers_of_the_same_name_are_refused() -> None:
    x = Input((3,))
    with pytest.raises(ValueError, match='name "q" is used 2 times'):
        Network([x], [Dense(3, name="q")(Dense(3, name="q")(x))])


def test_tensor_without_layer_is_refused() -> None:
    with pytest.raises(ValueError, match="made by no layer"):
        Network([Input((3,))], [KerasTensor((None, 3))])


def test_index_of_counts_only_calls_inside_the_network() -> None:
    twin = Dense(4, name="twin")
    twin(Input((4,)))
    x = Input((4,))
    output = twin(x)
    assert output.history == (twin, 1, 0)
    assert Network([x], [output]).index_of(output) == ("twin", 0, 0)
