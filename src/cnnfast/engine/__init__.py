"""Graph -> plan -> run: how a network becomes a list of steps over packed weights.

    Layer.lower         a layer adds its operations to a Graph
    Graph               values and operations, shapes without the batch axis
    Plan                dead operations dropped, buffers placed, kernels prepared
    Program             the native executor: one parallel region per call

The layer, its variables and symbolic tensors live here too, under Keras 2's own module names
(`engine.base_layer`, `engine.input_layer`).
"""

from cnnfast.engine import base_layer, input_layer

__all__ = ["base_layer", "input_layer"]
