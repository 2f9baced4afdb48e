"""A model as a graph, with what tells how losses follow from its outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cnnfast.engine.graph import Graph
from cnnfast.engine.heads import last_activation
from cnnfast.engine.passes.reversible import split_activations
from cnnfast.engine.structure import flatten
from cnnfast.engine.variable import Variable
from cnnfast.layers.normalization import BatchNormalization
from cnnfast.models.model import Model, inner_layers
from cnnfast.regularizers import L1L2

SampleShape = tuple[int, ...]


class Lowered(NamedTuple):
    """A graph, and how it ends.

    Attributes:
        graph: as the layers made it, activations apart; the model's outputs come first.
        output_shapes: of the outputs, without the batch axis.
        penalties: l1 and l2 of the penalty on each further output of the graph.
        is_random: whether layers draw random numbers, from an input behind those of the model.
        folded: variables that operations hold the values of now of, though a model may move them.
        activations: the softmax or sigmoid that makes each output, None for anything else.
    """

    graph: Graph
    output_shapes: list[SampleShape]
    activations: list[str | None]
    penalties: list[tuple[float, float]]
    is_random: bool
    folded: list[Variable]


def lower_model(model: Model, shapes: Sequence[SampleShape], training: bool) -> Lowered:
    """Let a model's layers add their operations to a new graph.

    Args:
        model: built.
        shapes: of the inputs, without the batch axis.
        training: whether for training or for prediction.

    Raises:
        NotImplementedError: a layer cannot be trained.
    """
    if training:
        check_layers(model)
    graph = Graph(training=training, learns=training)
    dtypes = model.kernel_input_dtypes(len(shapes))
    values = [graph.input(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)]
    for value in flatten(model.lower(graph, *values)):
        graph.output(value)
    count, penalized, is_random = len(graph.outputs), graph.penalized, graph.draws is not None
    graph.outputs += [value for value, _ in penalized]
    graph = split_activations(graph)
    outputs = graph.outputs[:count]
    return Lowered(
        graph,
        [value.shape for value in outputs],
        [last_activation(graph, value) for value in outputs],
        [(penalty.l1, penalty.l2) for _, penalty in penalized],
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
    return [
        variable
        for layer in normalizations
        for variable in (layer.moving_mean, layer.moving_variance)
    ]


def check_layers(model: Model) -> None:
    """Refuse layers that do something in training that they do not do in prediction.

    Args:
        model: to be trained.

    Raises:
        NotImplementedError: there is one; the error names it.
    """
    for layer in inner_layers(model):
        reason = None
        if isinstance(layer, BatchNormalization) and layer.trainable and layer.renorm:
            reason = "`renorm`"
        elif not isinstance(layer.activity_regularizer, L1L2 | None):
            reason = "the gradient of its `activity_regularizer`"
        if reason is not None:
            raise NotImplementedError(
                f"Training layer '{layer.name}' of class {type(layer).__name__} is not supported: "
                f"it needs {reason}."
            )
