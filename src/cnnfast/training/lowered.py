"""A model as a graph, with what tells how losses follow from its outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

from cnnfast.engine.graph import Graph
from cnnfast.engine.heads import last_activation
from cnnfast.engine.passes.reversible import split_activations
from cnnfast.engine.structure import flatten
from cnnfast.engine.variable import Variable
from cnnfast.layers.normalization import BatchNormalization
from cnnfast.models.model import Model, inner_layers
from cnnfast.regularizers import L1, L1L2, L2

SampleShape = tuple[int, ...]

# Not subclasses of theirs, which a user may have written.
NATIVE: Final = (L1, L2, L1L2)


class Lowered(NamedTuple):
    """A graph, and how it ends.

    Attributes:
        graph: as the layers made it, activations apart. Behind the model's outputs come values with
            penalties that NumPy computes, then those with others.
        output_shapes: of the outputs, without the batch axis.
        regularizers: the penalties that NumPy computes.
        penalties: l1 and l2 of all others.
        is_random: whether layers draw random numbers, from an input behind those of the model.
        folded: variables that operations hold the values of now of, though a model may move them.
        activations: the softmax or sigmoid that makes each output, None for anything else.
    """

    graph: Graph
    output_shapes: list[SampleShape]
    activations: list[str | None]
    regularizers: list[Callable[[Any], Any]]
    penalties: list[tuple[float, float]]
    is_random: bool
    folded: list[Variable]


def lower_model(model: Model, shapes: Sequence[SampleShape], training: bool) -> Lowered:
    """Let a model's layers add their operations to a new graph.

    Args:
        model: built.
        shapes: of the inputs, without the batch axis.
        training: whether for training or for prediction.
    """
    graph = Graph(training=training, learns=training)
    dtypes = model.kernel_input_dtypes(len(shapes))
    values = [graph.input(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    for value in flatten(model.lower(graph, *values)):
        graph.output(value)
    count, is_random = len(graph.outputs), graph.draws is not None
    native = [pair for pair in graph.penalized if type(pair[1]) in NATIVE]
    others = [pair for pair in graph.penalized if type(pair[1]) not in NATIVE]
    graph.outputs += [value for value, _ in (*others, *native)]
    graph = split_activations(graph)
    outputs = graph.outputs[:count]
    return Lowered(
        graph,
        [value.shape for value in outputs],
        [last_activation(graph, value) for value in outputs],
        [regularizer for _, regularizer in others],
        [(penalty.l1, penalty.l2) for _, penalty in native],
        is_random,
        graph.folded,
    )


def moving_averages(model: Model) -> list[Variable]:
    """List the weights that follow the batches a model is trained with.

    Args:
        model: built.
    """
    normalizations = dict.fromkeys(
        layer
        for layer in inner_layers(model)
        if isinstance(layer, BatchNormalization) and layer.trainable
    )
    return [variable for layer in normalizations for variable in layer.moving_averages]
