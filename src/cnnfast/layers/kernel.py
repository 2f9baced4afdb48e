"""What Dense and the convolutions have in common: a kernel, a bias and an activation."""

from __future__ import annotations

from typing import Any

from cnnfast import constraints, initializers, regularizers
from cnnfast.engine.base_layer import Layer
from cnnfast.engine.structure import Shape
from cnnfast.engine.variable import Variable
from cnnfast.layers import checks, lowering


class KernelLayer(Layer):
    """A layer that multiplies by a kernel, adds a bias and applies an activation.

    Args:
        activation: name, function of `cnnfast.activations` or layer; None for linear.
        use_bias: whether a bias is added.
        kernel_initializer: first values of the kernel.
        bias_initializer: first values of the bias.
        kernel_regularizer: penalty on the kernel.
        bias_regularizer: penalty on the bias.
        activity_regularizer: penalty on the outputs.
        kernel_constraint: projection of the kernel after each update.
        bias_constraint: projection of the bias after each update.
        **kwargs: `name`, `trainable`, `dtype`, `input_shape` (see `Layer`).
    """

    kernel: Variable
    bias: Variable | None = None

    def __init__(
        self,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.activation = checks.activation(self, activation)
        self.use_bias = use_bias
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    def add_kernel(self, shape: tuple[int, ...]) -> None:
        """Create the kernel, and a bias as long as the kernel's last axis."""
        self.kernel = self.add_weight(
            shape,
            self.kernel_initializer,
            "kernel",
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )
        if self.use_bias:
            self.bias = self.add_weight(
                shape[-1:],
                self.bias_initializer,
                "bias",
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
            )

    def build_activation(self, shape: Shape) -> None:
        """Build the activation for outputs of a given shape, if it is a layer."""
        if isinstance(self.activation, Layer):
            self.activation.build(shape)

    def activated_shape(self, shape: Shape) -> Shape:
        """Give the shape that the activation turns outputs of a given shape into."""
        return lowering.activated_shape(self.activation, shape)

    def get_config(self) -> dict[str, Any]:
        penalty = regularizers.serialize(self.activity_regularizer)
        return {
            **super().get_config(),
            **({} if penalty is None else {"activity_regularizer": penalty}),
            "activation": checks.serialize_activation(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": initializers.serialize(self.kernel_initializer),
            "bias_initializer": initializers.serialize(self.bias_initializer),
            "kernel_regularizer": regularizers.serialize(self.kernel_regularizer),
            "bias_regularizer": regularizers.serialize(self.bias_regularizer),
            "kernel_constraint": constraints.serialize(self.kernel_constraint),
            "bias_constraint": constraints.serialize(self.bias_constraint),
        }
