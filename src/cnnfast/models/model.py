"""What all models share: their layers, prediction, summary and config."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cnnfast.engine.base_layer import Layer
from cnnfast.engine.topology import Network
from cnnfast.models import predict, serialization, summary
from cnnfast.models.trainable import Trainable


class Model(Trainable, Layer):
    """A network of layers.

    `Model(inputs, outputs)` makes a model of the layers between KerasTensors. A subclass may
    instead create layers in `__init__` and compose them in `call`.

    Args:
        inputs: a KerasTensor from `Input`, or a list, tuple or dict of them.
        outputs: a KerasTensor, or a list, tuple or dict of them.
        name: made up if None.

    Raises:
        ValueError: the outputs depend on something besides the inputs.
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Model:  # noqa: D102 - see the class
        if cls is Model and (args or not kwargs.keys().isdisjoint(_FUNCTIONAL_ARGUMENTS)):
            cls = serialization.MODELS["Functional"]
        return super().__new__(cls)

    # ---- layers

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model, from its inputs to its outputs."""
        return [layer for layer in self.sublayers() if isinstance(layer, Layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Find a layer.

        Args:
            name: its name, or
            index: its place in `layers`.

        Raises:
            ValueError: there is no such layer, or not exactly one of the arguments was given.
        """
        if (name is None) == (index is None):
            raise ValueError(
                "`get_layer` needs a layer's name or its index, one of them. "
                f"Received: name={name!r}, index={index!r}"
            )
        return self._layer_at(index) if index is not None else self._layer_named(name)

    def _layer_at(self, index: int) -> Layer:
        if not -len(self.layers) <= index < len(self.layers):
            raise ValueError(
                f"Was asked for the layer at index {index}, but model '{self.name}' has "
                f"{len(self.layers)} layers."
            )
        return self.layers[index]

    def _layer_named(self, name: Any) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise ValueError(
            f"No such layer: {name!r}. The layers of model '{self.name}' are: "
            f"{[layer.name for layer in self.layers]}"
        )

    # ---- prediction

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: str | int | bool = "auto",
        steps: int | None = None,
        callbacks: Sequence[Any] | None = None,
        out: Any = None,
    ) -> Any:
        """Compute the outputs for any number of samples.

        Args:
            x: arrays of samples as `__call__` takes them, of any numeric type, also memory-mapped
                or of another library; or a generator, Sequence or other iterable of batches, each
                an array or a tuple (x, y, ...) of which the first part counts.
            batch_size: samples in a step of the progress display, 32 if None. Results do not
                depend on it.
            verbose: 0 silent, 1 or "auto" a progress bar, 2 one line at the end.
            steps: number of batches to take; all if None.
            callbacks: objects with Keras's `on_predict_...` methods.
            out: array to fill instead of a new one (a list or dict for several outputs), of the
                shape and type of the result. It may be memory-mapped.

        Returns:
            The outputs, float32, in the structure of the model's outputs.

        Raises:
            ValueError: shapes do not fit the model, or `out` not the result.
            TypeError: the samples are no real numbers.
        """
        options = predict.Options.checked(batch_size, verbose, steps, callbacks)
        return predict.predict(self, x, options, out)

    def predict_on_batch(self, x: Any) -> Any:
        """Compute the outputs for one batch, without a progress bar.

        Args:
            x: arrays of samples as `__call__` takes them.

        Returns:
            The outputs, in the structure of the model's outputs.
        """
        return self(x)

    # ---- description

    @property
    def shown_network(self) -> Network | None:
        """The network whose connections a summary shows; None for a mere stack of layers."""
        return None

    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
        style: str = "keras3",
    ) -> None:
        """Print a table of the layers.

        Args:
            line_length: width of the table in characters.
            positions: where each column ends, as a part of the width or in characters.
            print_fn: receives the text instead of the terminal: all at once in the "keras3"
                style, line by line in the "plain" style.
            expand_nested: show the layers of models inside the model.
            show_trainable: add a column that tells whether a layer is trained.
            layer_range: names (or regular expressions) of the first and the last layer to show.
            style: "keras3" for a table with frames, "plain" for the table of Keras 2.

        Raises:
            ValueError: the style is unknown, no layer matches or the table is too narrow.
        """
        summary.print_summary(
            self,
            summary.Options(
                line_length, positions, print_fn, expand_nested, show_trainable, layer_range
            ),
            style,
        )

    def to_json(self, **options: Any) -> str:
        """Write the model's config, without weights, as JSON.

        Args:
            **options: passed to `json.dumps`.
        """
        return json.dumps(serialization.serialize_layer(self), **options)

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: Mapping[str, Any] | None = None
    ) -> Any:
        """Make a model from what `get_config` returned.

        Args:
            config: the layers and their connections, or for a subclass its own arguments.
            custom_objects: classes of the caller by name.

        Raises:
            ValueError: the config is malformed or names unknown classes.
        """
        if cls is Model:
            return serialization.MODELS["Functional"].from_config(config, custom_objects)
        return cls(**config)

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the input shape under which the model was built."""
        return {"input_shape": self.build_shape} if self.built else None

    def save(self, filepath: Any, overwrite: bool = True, **options: Any) -> None:
        """Write the model to a file.

        Args:
            filepath: path that ends in `.keras`, or in `.h5` for the format of Keras 2.
            overwrite: replace a file that is there. Otherwise ask at the terminal.
            **options: see `cnnfast.saving.save_model`.
        """
        from cnnfast.saving import save_model

        save_model(self, filepath, overwrite, **options)

    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write the values of all variables to a file.

        Args:
            filepath: path that ends in `.weights.h5`, or in `.h5` for the format of Keras 2.
            overwrite: replace a file that is there. Otherwise ask at the terminal.
        """
        from cnnfast.saving import save_weights

        save_weights(self, filepath, overwrite)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **options: Any) -> None:
        """Read the values of all variables from a file.

        Args:
            filepath: a `.weights.h5`, `.keras` or older `.h5` file.
            skip_mismatch: leave variables whose shape differs from the file's as they are.
            **options: see `cnnfast.saving.load_weights`.
        """
        from cnnfast.saving import load_weights

        load_weights(self, filepath, skip_mismatch=skip_mismatch, **options)

    def __reduce__(self) -> Any:
        config = serialization.serialize_layer(self)
        classes = serialization.custom_classes([self, *inner_layers(self)])
        arguments = (config, self.get_weights(), classes, self.compile_arguments())
        return serialization.rebuild_model, arguments


_FUNCTIONAL_ARGUMENTS = frozenset(("inputs", "outputs", "input", "output"))


def inner_layers(model: Layer) -> list[Layer]:
    """List the layers of a model, of the models in it, and of the layers' own layers.

    Args:
        model: a model or layer.
    """
    inner = [layer for layer in model.sublayers() if isinstance(layer, Layer)]
    return [*inner, *(deeper for layer in inner for deeper in inner_layers(layer))]
