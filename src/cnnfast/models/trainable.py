"""The methods of a model that train and evaluate it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Trainable:
    """What a model can do once it is compiled.

    Attributes:
        stop_training: callbacks set it to end `fit` after the epoch.
        fit_seed: the order of samples in the latest `fit` follows from it; None before the first.
        history: of the latest `fit`; None before the first.
    """

    stop_training: bool = False
    fit_seed: int | None = None
    history: Any = None
    _initial_epoch: int = 0
    _training: Any = None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        **legacy: Any,
    ) -> None:
        """Say how the model is trained. Weights stay as they are.

        Args:
            optimizer: a name, config or object of `cnnfast.optimizers`.
            loss: a name, function or object of `cnnfast.losses`; for several outputs also a list
                or dict of them.
            loss_weights: a factor for the loss of each output, a list or dict.
            metrics: what else is measured, a list; for several outputs a list of lists or a dict.
            weighted_metrics: likewise, of metrics that heed the samples' weights.
            run_eagerly: changes nothing here.
            steps_per_execution: changes nothing here.
            jit_compile: changes nothing here.
            auto_scale_loss: changes nothing here.
            **legacy: `sample_weight_mode`, `target_tensors` and `distribute` of Keras 2, which
                change nothing either.

        Raises:
            ValueError: a name is unknown.
            TypeError: an argument is unknown.
        """
        del run_eagerly, steps_per_execution, jit_compile, auto_scale_loss
        self._training = training().compile_model(
            self, optimizer, loss, loss_weights, metrics, weighted_metrics, legacy
        )

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: str | int = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
    ) -> Any:
        """Train for some epochs.

        Args:
            x: samples, as `predict` takes them, or batches (x, y) or (x, y, sample_weight) from a
                generator, a PyDataset or another iterable.
            y: a target for each sample; for several outputs a list or dict of arrays.
            batch_size: samples in a step, 32 if None.
            epochs: number of the epoch to end before.
            verbose: 0 shows nothing, 1 or "auto" a progress bar, 2 one line for each epoch.
            callbacks: one or a list of `cnnfast.callbacks`.
            validation_split: share of the samples, taken from the end before they are shuffled,
                that the model is evaluated on after each epoch instead of being trained on.
            validation_data: samples for that, (x, y) or (x, y, sample_weight), or batches.
            shuffle: whether samples come in a new order each epoch; "batch" for one within
                batches.
            class_weight: a weight for the samples of each class, 1 for classes that are missing.
            sample_weight: a weight for each sample; for several outputs a list or dict.
            initial_epoch: number of the first epoch.
            steps_per_epoch: batches in an epoch; all if None.
            validation_steps: batches of the validation data; all if None.
            validation_batch_size: samples in them, `batch_size` if None.
            validation_freq: epochs between evaluations, or the numbers, from 1, of the epochs
                they follow.

        Returns:
            A History: losses and metrics of each epoch.

        Raises:
            RuntimeError: the model was not compiled.
            ValueError: the data do not fit the model, its losses or each other.
        """
        options = training().FitOptions(
            batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle,
            class_weight, sample_weight, initial_epoch, steps_per_epoch, validation_steps,
            validation_batch_size, validation_freq,
        )  # fmt: skip
        return training().fit(self, x, y, options)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: str | int = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Compute the loss and metrics for samples, as the model predicts.

        Args:
            x: samples, as `fit` takes them.
            y: a target for each sample.
            batch_size: samples taken together, 32 if None.
            verbose: 0 shows nothing, 1 or "auto" a progress bar, 2 one line.
            sample_weight: a weight for each sample.
            steps: number of batches; all if None.
            callbacks: one or a list of `cnnfast.callbacks`.
            return_dict: whether results come by name.

        Returns:
            The loss, or a list with it and the metrics, which `metrics_names` names.

        Raises:
            RuntimeError: the model was not compiled.
            ValueError: the data do not fit the model, its losses or each other.
        """
        return training().evaluate(
            self, x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict
        )

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Do one step of training.

        Args:
            x: samples, as `predict` takes them.
            y: a target for each.
            sample_weight: a weight for each sample.
            class_weight: a weight for the samples of each class.
            return_dict: whether results come by name.

        Returns:
            The loss before the step, or a list with it and the metrics.
        """
        return training().train_batch(self, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Compute the loss and metrics for one batch.

        Args:
            x: samples, as `predict` takes them.
            y: a target for each.
            sample_weight: a weight for each sample.
            return_dict: whether results come by name.

        Returns:
            The loss, or a list with it and the metrics.
        """
        return training().judge_batch(self, x, y, sample_weight, return_dict)

    def reset_metrics(self) -> None:
        """Forget the losses and metrics of all batches."""
        if self._training is not None:
            self._training.means.reset()

    # ---- what the model was compiled with

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._training is not None

    @property
    def optimizer(self) -> Any:
        """The optimizer that the model was compiled with, None if it was not."""
        return None if self._training is None else self._training.optimizer

    @optimizer.setter
    def optimizer(self, optimizer: Any) -> None:
        training().setup_of(self).replace_optimizer(optimizer)

    @property
    def loss(self) -> Any:
        """The loss as `compile` was given it, None if it was not."""
        return None if self._training is None else self._training.given["loss"]

    @property
    def metrics(self) -> list[Any]:
        """The metrics that are measured beside the loss; made when the first batch is seen."""
        return [] if self._training is None else self._training.metrics.objects

    @property
    def metrics_names(self) -> list[str]:
        """What `evaluate` returns, by name and in order."""
        return [] if self._training is None else self._training.names

    def compile_arguments(self) -> dict[str, Any] | None:
        """Return what `compile` would have to be given for a copy; None if it was not called."""
        setup = self._training
        return None if setup is None else {"optimizer": setup.optimizer, **setup.given}

    def get_compile_config(self) -> dict[str, Any]:
        """Return the arguments of `compile`, ready for JSON; empty if it was not called."""
        return {} if self._training is None else training().describe_setup(self._training)

    def uncompile(self) -> None:
        """Forget what `compile` was given."""
        self._training = None

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile the model as another was.

        Args:
            config: what `get_compile_config` returned.

        Raises:
            ValueError: something in it has an unknown name.
        """
        training().compile_from_config(self, config)


def training() -> Any:
    """Import what trains models: methods of a model here as in Keras, but floors above."""
    from cnnfast import training

    return training
