"""fit and evaluate beside Keras's own: the same weights, data and arguments on both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import cnnfast
import tolerances
from cnnfast import layers

pytestmark = [
    pytest.mark.parity,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore:Your input ran out of data:UserWarning"),
]

# Keras shows float32, and its sums run in another order; each of some 20 steps may add a few
# roundings, on values of about 1.
BOUND = tolerances.UNIT_ROUNDOFF * 4 * 40

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(23, 6)).astype(np.float32)
LABELS = RANDOM.integers(0, 3, 23)
ROWS = np.eye(3, dtype=np.float32)[LABELS]
VALUES = RANDOM.normal(size=23).astype(np.float32)
WEIGHTS = RANDOM.uniform(0.5, 2, 23).astype(np.float32)
SPARSE = "sparse_categorical_crossentropy"


def one_output(activation: str = "softmax", units: int = 3) -> Any:
    return cnnfast.Sequential(
        [
            cnnfast.Input((6,)),
            layers.Dense(5, activation="tanh", kernel_regularizer="l2"),
            layers.Dense(units, activation=activation),
        ]
    )


def two_outputs(by_name: bool = False) -> Any:
    inputs = cnnfast.Input((6,))
    hidden = layers.Dense(5, activation="tanh")(inputs)
    classes = layers.Dense(3, activation="softmax", name="classes")(hidden)
    value = layers.Dense(1, name="value")(hidden)
    if by_name:
        return cnnfast.Model(inputs, {"zz": classes, "aa": value})
    return cnnfast.Model(inputs, [classes, value])


def both(keras: ModuleType, ours: Any, **arguments: Any) -> tuple[Any, Any]:
    """Compile a model here and in Keras."""
    theirs = keras.models.model_from_json(ours.to_json())
    theirs.set_weights(ours.get_weights())
    for model in (ours, theirs):
        model.compile(**arguments)
    return ours, theirs


def assert_same_history(ours: Any, theirs: Any) -> None:
    assert list(ours.history) == list(theirs.history)
    assert ours.epoch == theirs.epoch
    assert ours.params == theirs.params
    for name, values in theirs.history.items():
        assert all(isinstance(value, float) for value in ours.history[name])
        np.testing.assert_allclose(ours.history[name], values, BOUND, BOUND, err_msg=name)


METRICS: list[tuple[str, Any]] = [
    (SPARSE, None),
    (SPARSE, ["accuracy"]),
    (SPARSE, ["acc", "sparse_categorical_crossentropy"]),
    (SPARSE, ["accuracy", "acc", "sparse_top_k_categorical_accuracy"]),
    (SPARSE, ["acc", "acc"]),
    ("categorical_crossentropy", ["accuracy", "mse", "MAE"]),
    ("mse", ["mae", "mape", "categorical_accuracy", "cosine_similarity"]),
    ("kl_divergence", ["kl_divergence"]),
]


@pytest.mark.parametrize(("loss", "metrics"), METRICS)
def test_history_and_evaluation_are_those_of_keras(
    keras: ModuleType, loss: str, metrics: Any
) -> None:
    targets = LABELS if loss == SPARSE else ROWS
    models = both(keras, one_output(), optimizer="adam", loss=loss, metrics=metrics)
    options = {"batch_size": 5, "epochs": 3, "shuffle": False, "verbose": 0}
    assert_same_history(
        *(model.fit(X, targets, validation_split=0.3, **options) for model in models)
    )
    ours, theirs = (model.evaluate(X, targets, verbose=0, return_dict=True) for model in models)
    assert list(ours) == list(theirs)
    np.testing.assert_allclose(list(ours.values()), list(theirs.values()), BOUND, BOUND)
    ours, theirs = (model.evaluate(X, targets, verbose=0) for model in models)
    # Keras repeats metrics of equal names.
    count = 1 if metrics is None else 1 + len(metrics)
    np.testing.assert_allclose(ours, np.ravel(theirs)[:count], BOUND, BOUND)


def test_binary_accuracy_is_that_of_keras(keras: ModuleType) -> None:
    models = both(
        keras, one_output("sigmoid", 1), optimizer="sgd", loss="binary_crossentropy",
        metrics=["accuracy"], weighted_metrics=["accuracy", "mae"],
    )  # fmt: skip
    options = {"batch_size": 5, "epochs": 2, "shuffle": False, "verbose": 0}
    targets = (LABELS > 0).astype(np.float32)
    assert_same_history(
        *(model.fit(X, targets, sample_weight=WEIGHTS, **options) for model in models)
    )


OUTPUTS: list[tuple[bool, Any, Any, Any]] = [
    (False, [SPARSE, "mse"], None, None),
    (False, [SPARSE, "mse"], [1.0, 0.25], [["accuracy"], ["mse", "mae"]]),
    (False, {"classes": SPARSE, "value": "mae"}, None, {"value": ["mse"], "classes": "acc"}),
    (True, {"zz": SPARSE, "aa": "mse"}, {"zz": 2.0, "aa": 0.5}, {"zz": ["acc"], "aa": ["mae"]}),
]


@pytest.mark.parametrize(("by_name", "loss", "loss_weights", "metrics"), OUTPUTS)
def test_history_of_two_outputs_is_that_of_keras(
    keras: ModuleType, by_name: bool, loss: Any, loss_weights: Any, metrics: Any
) -> None:
    models = both(
        keras, two_outputs(by_name), optimizer="rmsprop", loss=loss, loss_weights=loss_weights,
        metrics=metrics,
    )  # fmt: skip
    # In batches of equal size: with TensorFlow, Keras lets a smaller one count as much as the
    # others for the losses of outputs, other than for the loss itself.
    inputs, labels, values = X[:20], LABELS[:20], VALUES[:20]
    targets: Any = {"zz": labels, "aa": values} if by_name else [labels, values]
    options = {"batch_size": 5, "epochs": 2, "shuffle": False, "verbose": 0}
    first = {key: y[:10] for key, y in targets.items()} if by_name else [y[:10] for y in targets]
    assert_same_history(
        *(
            model.fit(inputs, targets, validation_data=(X[:10], first), **options)
            for model in models
        )
    )
    ours, theirs = (model.evaluate(inputs, targets, batch_size=5, verbose=0) for model in models)
    np.testing.assert_allclose(ours, theirs, BOUND, BOUND)
    ours, theirs = (model.train_on_batch(inputs, targets, return_dict=True) for model in models)
    assert list(ours) == list(theirs)


def batches(count: int = 5) -> Iterator[Any]:
    for start in range(0, 4 * count, 4):
        yield X[start : start + 4], LABELS[start : start + 4], WEIGHTS[start : start + 4]


def numbered(module: Any) -> Any:
    class Numbered(module.utils.PyDataset):  # type: ignore[misc]
        def __len__(self) -> int:
            return 5

        def __getitem__(self, index: int) -> Any:
            return X[4 * index : 4 * index + 4], LABELS[4 * index : 4 * index + 4]

    return Numbered()


Feed = Callable[[Any], dict[str, Any]]
FEEDS: dict[str, Feed] = {
    "generator": lambda _: {"x": batches()},
    "steps of a generator": lambda _: {"x": batches(), "steps_per_epoch": 2, "epochs": 2},
    "numbered batches": lambda m: {"x": numbered(m), "validation_data": numbered(m), "epochs": 2},
    "generator to validate": lambda _: {
        "x": X, "y": LABELS, "validation_data": batches(), "validation_steps": 2,
    },
    "steps of arrays": lambda _: {
        "x": X, "y": LABELS, "batch_size": 4, "steps_per_epoch": 2, "epochs": 2,
    },
    "weights of classes": lambda _: {"x": X, "y": LABELS, "class_weight": {0: 0.5, 2: 3.0}},
    "weights of samples": lambda _: {
        "x": X, "y": LABELS, "sample_weight": WEIGHTS,
        "validation_data": (X, LABELS, WEIGHTS[::-1]),
    },
    "sometimes validated": lambda _: {
        "x": X, "y": LABELS, "validation_split": 0.4, "validation_freq": 2, "epochs": 5,
    },
    "validated by number": lambda _: {
        "x": X, "y": LABELS, "validation_split": 0.4, "validation_freq": [1, 4], "epochs": 5,
    },
    "later epochs": lambda _: {"x": X, "y": LABELS, "epochs": 5, "initial_epoch": 3},
    "no epochs": lambda _: {"x": X, "y": LABELS, "epochs": 0},
    "columns": lambda _: {"x": X, "y": LABELS[:, np.newaxis], "batch_size": 7},
    "wider numbers": lambda _: {"x": X.astype(np.float64), "y": LABELS.astype(np.float32)},
}  # fmt: skip


@pytest.mark.parametrize("name", FEEDS)
def test_history_of_any_data_is_that_of_keras(keras: ModuleType, name: str) -> None:
    models = both(keras, one_output(), optimizer="sgd", loss=SPARSE, metrics=["accuracy"])
    assert_same_history(
        *(
            model.fit(**{"verbose": 0, "shuffle": False} | FEEDS[name](module))
            for model, module in zip(models, (cnnfast, keras), strict=True)
        )
    )


def names(argument: Any) -> Any:
    return sorted(argument) if isinstance(argument, dict) else argument


def test_callbacks_are_called_when_keras_calls_them(keras: ModuleType) -> None:
    models = both(keras, one_output(), optimizer="sgd", loss=SPARSE, metrics=["accuracy"])
    seen: list[list[Any]] = []
    for model, module in zip(models, (cnnfast, keras), strict=True):
        calls: list[Any] = []
        hooks = [
            name
            for name in dir(module.callbacks.Callback)
            if name.startswith(("on_train_", "on_test_", "on_epoch_"))
        ]
        methods = {
            name: lambda self, *a, name=name, calls=calls, logs=None, **_: calls.append(
                (
                    name,
                    *(sorted(one) if isinstance(one, dict) else one for one in a),
                    logs and sorted(logs),
                )
            )
            for name in hooks
        }
        noting = type("Noting", (module.callbacks.Callback,), methods)()
        options = {"batch_size": 8, "epochs": 2, "verbose": 0, "callbacks": [noting]}
        model.fit(X, LABELS, validation_split=0.3, **options)
        model.evaluate(X, LABELS, verbose=0, callbacks=[noting])
        seen.append([[part for part in call if part] for call in calls])
    assert seen[0] == seen[1]


def test_learning_rate_and_stopping_have_keras_effects(keras: ModuleType) -> None:
    models = both(keras, one_output(), optimizer="sgd", loss=SPARSE)
    histories = []
    for model, module in zip(models, (cnnfast, keras), strict=True):
        model.optimizer.learning_rate = 0.2

        class Stop(module.callbacks.Callback):  # type: ignore[misc]
            def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
                self.steps = getattr(self, "steps", 0) + 1
                self.model.stop_training = self.steps == 8

        rates = module.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.5)
        options = {"batch_size": 4, "epochs": 4, "verbose": 0, "shuffle": False}
        histories.append(
            model.fit(X, LABELS, validation_split=0.2, callbacks=[rates, Stop()], **options)
        )
    assert_same_history(*histories)


def test_weights_that_train_are_settled_when_training_begins(keras: ModuleType) -> None:
    models = both(keras, one_output(), optimizer="sgd", loss=SPARSE)
    moved: list[list[bool]] = []
    for model in models:
        for trainable in (True, False):
            model.layers[0].trainable = trainable
            before = model.get_weights()
            if trainable or model is models[1]:
                model.fit(X, LABELS, verbose=0)
            else:
                with pytest.warns(UserWarning, match="Call `compile` again"):
                    model.fit(X, LABELS, verbose=0)
            moved.append(
                [
                    not np.array_equal(*pair)
                    for pair in zip(before, model.get_weights(), strict=True)
                ]
            )
    assert moved[:2] == moved[2:] == [[True] * 4] * 2


def test_activity_regularizer_of_the_user_trains_as_in_keras(keras: ModuleType) -> None:
    def build(module: Any, penalty: Any) -> Any:
        return module.Sequential([
            module.Input((6,)),
            module.layers.Dense(5, activation="tanh", activity_regularizer=penalty),
            module.layers.Dense(3, activation="softmax", activity_regularizer=penalty),
        ])  # fmt: skip

    ours = build(cnnfast, lambda x: 0.1 * np.sum(x**4))
    theirs = build(keras, lambda x: 0.1 * keras.ops.sum(x**4))
    theirs.set_weights(ours.get_weights())
    histories = []
    for module, model in ((cnnfast, ours), (keras, theirs)):
        model.compile(module.optimizers.SGD(0.1), SPARSE)
        options = {"batch_size": 8, "epochs": 4, "shuffle": False, "verbose": 0}
        histories.append(model.fit(X, LABELS, validation_split=0.2, **options))
    assert_same_history(*histories)


def test_frozen_variable_stays_as_in_keras(keras: ModuleType) -> None:
    ours, theirs = both(keras, one_output())
    for model in (ours, theirs):
        model.layers[0].kernel.trainable = False
        model.layers[1].bias.trainable = False
        model.compile("sgd", SPARSE)
    options = {"batch_size": 8, "epochs": 3, "shuffle": False, "verbose": 0}
    assert_same_history(*(model.fit(X, LABELS, **options) for model in (ours, theirs)))
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, BOUND, BOUND)
