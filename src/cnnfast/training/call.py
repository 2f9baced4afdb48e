"""What a model computes while it trains, without a step: `model(x, training=True)`."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cnnfast.clock import CLOCK
from cnnfast.engine.arrays import kernel_array
from cnnfast.engine.parameters import Parameters
from cnnfast.engine.training_plan import TrainingPlan
from cnnfast.models.model import Model
from cnnfast.random import draw_seed
from cnnfast.training.lowered import SampleShape, lower_model, moving_averages

Array = NDArray[Any]

# A plan of training is not for two Python threads at once, nor are moving averages.
LOCK: Final = threading.Lock()


class CallInTraining:
    """A model's forward pass with dropout, noise and statistics of the batch.

    Args:
        model: built.
        shapes: of the inputs, without the batch axis.

    Raises:
        NotImplementedError: a layer cannot be trained.
    """

    def __init__(self, model: Model, shapes: Sequence[SampleShape]) -> None:
        lowered = lower_model(model, shapes, training=True)
        count = len(lowered.output_shapes)
        del lowered.graph.outputs[count:]
        self._is_random = lowered.is_random
        self._dtypes = model.kernel_input_dtypes(len(shapes))
        self._moving = Parameters(moving_averages(model))
        self._plan = TrainingPlan(
            lowered.graph, [None] * count, Parameters([]), self._moving, True, trains=False
        )
        self._time = CLOCK.time

    def is_outdated(self) -> bool:
        """Whether a weight, of whatever model, has changed since."""
        return self._time != CLOCK.time

    def run(self, arrays: Sequence[Array]) -> list[Array] | None:
        """Compute the outputs; moving averages follow the batch.

        Args:
            arrays: one for each input, of the shapes, with as many samples each.

        Returns:
            One array for each output; None, moving averages being as before, where an id lies
            outside its table.
        """
        pairs = zip(arrays, self._dtypes, strict=True)
        inputs = [kernel_array(array, np.dtype(dtype)) for array, dtype in pairs]
        if self._is_random:
            inputs.append(_draws(len(arrays[0])))
        result = self._plan.run(inputs)
        if result.loss is None:
            return None
        self._plan.update_moving()
        self._moving.mark_changed()
        self._time = CLOCK.time
        return result.predictions


def call_in_training(model: Model, inputs: Any) -> Any:
    """Compute what a model does while it trains; see `Model.__call__`.

    Args:
        model: may have to be built.
        inputs: arrays as a call takes them, with at least one sample.

    Returns:
        Arrays, arranged as the model's outputs.

    Raises:
        ValueError: the inputs do not fit the model, there is no sample, or an id lies outside its
            table.

    Threads: calls of several Python threads take turns.
    """
    arrays = model.fit_arrays(model.split_inputs(inputs))
    if len({len(array) for array in arrays}) > 1 or not len(arrays[0]):
        raise ValueError(
            f"Model '{model.name}' was called with training=True: all inputs must have the same "
            f"number of samples, at least one. Received: {[array.shape for array in arrays]}"
        )
    shapes = tuple(array.shape[1:] for array in arrays)
    with LOCK:
        made = model._calls_in_training
        if made is None or made[0] != shapes or made[1].is_outdated():
            made = model._calls_in_training = shapes, CallInTraining(model, shapes)
        outputs = made[1].run(arrays)
    if outputs is None:
        # The model's own error says which id of which layer it was.
        model.predict_on_batch(inputs)
        raise ValueError(f"Model '{model.name}' received an id out of range.")
    return model.pack_outputs(outputs)


def _draws(images: int) -> Array:
    """Give what random numbers follow from: place in the batch, and a seed of the call."""
    counters = np.zeros((images, 3), np.uint32)
    counters[:, 0] = np.arange(images)
    counters[:, 2] = draw_seed() % 2**32
    return counters
