"""Which steps of a sequence are padding, as far as Embedding(mask_zero=True) says so.

No layer here computes with such a mask. Keras has one layer of those supported that does, the mean
over a sequence, and its answer would differ without a word.
"""

from __future__ import annotations

from typing import Final

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.tensor import KerasTensor
from cnnfast.layers.advanced_activations import ELU, LeakyReLU, PReLU, ReLU, Softmax
from cnnfast.layers.core import Activation, Dense, Identity
from cnnfast.layers.embeddings import Embedding
from cnnfast.layers.merge import Merge
from cnnfast.layers.normalization import BatchNormalization
from cnnfast.layers.preprocessing import Normalization, Rescaling

# Layers that hand a mask on in Keras; all others drop it, convolutions and pooling among them.
PASSING: Final = (
    Activation,
    BatchNormalization,
    Dense,
    ELU,
    Identity,
    LeakyReLU,
    Merge,
    Normalization,
    PReLU,
    ReLU,
    Rescaling,
    Softmax,
)


def masking_layer(tensor: KerasTensor) -> Layer | None:
    """Find the layer whose mask Keras would carry as far as a tensor.

    Args:
        tensor: any tensor of a model.

    Returns:
        The first Embedding with `mask_zero` met on the way back, or None.
    """
    pending, seen = [tensor], {id(tensor)}
    while pending:
        history = pending.pop().history
        if history is None:
            continue
        layer = history.operation
        if isinstance(layer, Embedding) and layer.mask_zero:
            return layer
        if isinstance(layer, PASSING):
            inputs = layer.inbound_nodes[history.node_index].inputs
            pending += [tensor for tensor in inputs if id(tensor) not in seen]
            seen.update(map(id, inputs))
    return None
