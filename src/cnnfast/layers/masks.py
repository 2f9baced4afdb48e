"""Which steps of a sequence are padding, as far as Embedding(mask_zero=True) and Masking say so.

In training, batch normalization leaves padding out. The mean over a sequence, which computes with
masks in Keras too, is refused, for its answer would differ without a word. Multiply, Maximum and
Minimum treat padding like anything else, as in Keras 2; those of Keras 3.15 leave out what only
some of their inputs mark. (Its Softmax asks for a mask of its last axis, which none of these is.)
"""

from __future__ import annotations

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.tensor import KerasTensor
from cnnfast.layers.embeddings import Embedding
from cnnfast.layers.masking import Masking


def masking_layer(tensor: KerasTensor) -> Layer | None:
    """Find the layer whose mask Keras would carry as far as a tensor.

    Args:
        tensor: any tensor of a model.

    Returns:
        The first layer that masks met on the way back, or None.
    """
    pending, seen = [tensor], {id(tensor)}
    while pending:
        history = pending.pop().history
        if history is None:
            continue
        layer = history.operation
        if isinstance(layer, Masking) or (isinstance(layer, Embedding) and layer.mask_zero):
            return layer
        if layer.supports_masking:
            inputs = layer.inbound_nodes[history.node_index].inputs
            pending += [tensor for tensor in inputs if id(tensor) not in seen]
            seen.update(map(id, inputs))
    return None
