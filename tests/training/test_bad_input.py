"""What compile, fit and evaluate refuse: with a clear error, and before any weight changes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers, metrics
from cnnfast.callbacks import TerminateOnNaN

X = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
LABELS = np.arange(12) % 3
SPARSE = "sparse_categorical_crossentropy"


def network() -> Any:
    return cnnfast.Sequential(
        [cnnfast.Input((4,)), layers.Dense(3, activation="softmax", name="out")]
    )


def compiled(loss: Any = SPARSE, **options: Any) -> Any:
    model = network()
    model.compile("adam", loss, **options)
    return model


def two_outputs() -> Any:
    inputs = cnnfast.Input((4,))
    heads = [layers.Dense(1, name="a")(inputs), layers.Dense(1, name="b")(inputs)]
    model = cnnfast.Model(inputs, heads)
    model.compile("sgd", "mse")
    return model


# ---- compile


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"optimizer": "nonsense"}, "nonsense"),
        ({"optimizer": None}, "needs an optimizer"),
        ({"optimizer": 3}, "no optimizer 3"),
        ({"loss": "nonsense"}, "nonsense"),
        ({"loss": {"out": "nonsense"}}, "nonsense"),
        ({"metrics": ["accuracy", "nonsense"]}, "nonsense"),
        ({"metrics": {"out": ["nonsense"]}}, "nonsense"),
        ({"weighted_metrics": ["nonsense"]}, "nonsense"),
        ({"optimizer": "adm"}, "Did you mean 'adam'"),
        ({"loss": "mes"}, r"no loss 'mes'\. Did you mean .*Known losses: "),
        ({"metrics": ["acurracy"]}, r"no metric 'acurracy'\. Did you mean 'accuracy'"),
    ],
)
def test_compile_with_an_unknown_name_is_refused_at_once(arguments: Any, named: str) -> None:
    model = compiled()
    before = model.optimizer
    with pytest.raises(ValueError, match=named):
        model.compile(**{"loss": "mse"} | arguments)
    assert model.optimizer is before


def test_compile_with_an_unknown_argument_is_a_type_error() -> None:
    with pytest.raises(TypeError, match="speed"):
        network().compile("sgd", "mse", speed="high")


def test_compile_of_a_class_with_its_own_step_is_refused() -> None:
    class Own(cnnfast.Sequential):
        def train_step(self, data: Any) -> None:
            """Never be called."""

    with pytest.raises(NotImplementedError, match="train_step"):
        Own([cnnfast.Input((4,)), layers.Dense(1)]).compile("sgd", "mse")


# ---- before compile


@pytest.mark.parametrize("error", [RuntimeError, ValueError])
@pytest.mark.parametrize("method", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_model_that_is_not_compiled_says_so(method: str, error: type[Exception]) -> None:
    model = network()
    with pytest.raises(error, match=r"must call `compile\(\)` before"):
        getattr(model, method)(X, LABELS)
    assert (model.optimizer, model.loss, model.metrics, model.metrics_names) == (None, None, [], [])


def test_model_without_a_loss_says_so() -> None:
    model = compiled(None)
    for method in ("fit", "evaluate", "train_on_batch"):
        with pytest.raises(ValueError, match="without a loss"):
            getattr(model, method)(X, LABELS)


# ---- data


def ends_badly() -> Iterator[Any]:
    yield X[:0], LABELS[:0]


ROWS = np.eye(3)[LABELS]
FITS: list[tuple[str, dict[str, Any], str]] = [
    (SPARSE, {"y": LABELS + 1}, "labels from 0 to 2.*Received: 3"),
    (SPARSE, {"y": LABELS - 1}, "labels from 0 to 2.*Received: -1"),
    (SPARSE, {"y": np.where(LABELS, 1.0, np.nan)}, "labels from 0 to 2.*Received: nan"),
    (SPARSE, {"y": ROWS}, r"targets of the shape \(12,\).*take 'categorical_crossentropy'"),
    ("categorical_crossentropy", {"y": LABELS}, r"\(12, 3\).*take 'sparse_categorical_crossentr"),
    ("hinge", {"y": LABELS}, "hinge: targets must have the shape of the predictions"),
    ("mse", {"y": LABELS}, r"expects targets of the shape \(12, 3\)"),
    ("mse", {"y": np.eye(5)[LABELS]}, r"expects targets of the shape \(12, 3\)"),
    (SPARSE, {"y": None}, "needs targets"),
    (SPARSE, {"x": None}, "need samples"),
    (SPARSE, {"y": LABELS[:5]}, "Data cardinality is ambiguous"),
    (SPARSE, {"x": X[:0], "y": LABELS[:0]}, "non-empty"),
    (SPARSE, {"x": X[:, :3]}, "expected shape"),
    (SPARSE, {"sample_weight": np.ones(5)}, "Data cardinality is ambiguous"),
    (SPARSE, {"sample_weight": np.ones((12, 2))}, r"each of the 4 samples\. Received"),
    (SPARSE, {"sample_weight": np.ones(12), "class_weight": {0: 2.0}}, "at the same time"),
    (SPARSE, {"validation_split": 1.0}, "between 0 and 1"),
    (SPARSE, {"validation_split": -0.5}, "between 0 and 1"),
    (SPARSE, {"validation_split": 1.5}, "between 0 and 1"),
    (SPARSE, {"validation_split": 0.99}, "not sufficient to split"),
    (SPARSE, {"validation_data": X}, "needs targets"),
    (SPARSE, {"validation_data": (X, LABELS, None, 1)}, "of 4 parts"),
    (SPARSE, {"validation_data": (X, LABELS + 1)}, "labels from 0 to 2"),
    (SPARSE, {"validation_data": (X, LABELS[:3])}, "Data cardinality is ambiguous"),
    (SPARSE, {"validation_data": (X[:, :2], LABELS)}, "expected shape"),
    (SPARSE, {"batch_size": 0}, "`batch_size` must be at least 1"),
    (SPARSE, {"batch_size": -3}, "`batch_size` must be at least 1"),
    (SPARSE, {"steps_per_epoch": 0}, "`steps_per_epoch` must be at least 1"),
    (SPARSE, {"validation_split": 0.5, "validation_steps": -1}, "`validation_steps` must be"),
    (SPARSE, {"validation_split": 0.5, "validation_freq": 0}, "`validation_freq` must be"),
    (
        SPARSE,
        {"validation_split": 0.5, "validation_batch_size": -1},
        "`validation_batch_size` must",
    ),
    (SPARSE, {"shuffle": "often"}, "`shuffle` must be"),
    (SPARSE, {"verbose": "loud"}, "`verbose` must be"),
    (SPARSE, {"x": ends_badly(), "y": LABELS}, "`y` should not be passed"),
    (SPARSE, {"x": ends_badly(), "y": None, "validation_split": 0.5}, "needs arrays"),
    (SPARSE, {"x": iter([]), "y": None}, "at least one batch"),
    (SPARSE, {"x": iter([(X, LABELS, None, 3)]), "y": None}, "found: 4 parts"),
    (SPARSE, {"x": iter([(X, LABELS + 1)]), "y": None}, "labels from 0 to 2"),
    (SPARSE, {"x": iter([(X, LABELS[:3])]), "y": None}, "Data cardinality is ambiguous"),
]


@pytest.mark.parametrize(("loss", "arguments", "message"), FITS)
def test_fit_with_bad_data_is_refused_and_changes_nothing(
    loss: str, arguments: Any, message: str
) -> None:
    model = compiled(loss)
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(**{"x": X, "y": LABELS, "verbose": 0, "batch_size": 4} | arguments)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.optimizer.iterations == 0
    targets = LABELS if loss == SPARSE else ROWS
    assert np.isfinite(model.fit(X, targets, verbose=0).history["loss"][0])


@pytest.mark.parametrize("arguments", [{"batch_size": 1.5}, {"epochs": 1.5}, {"callbacks": ["x"]},
                                       {"class_weight": [1, 2]}, {"x": X.astype(str)},
                                       {"class_weight": {"cat": 2.0}}, {"x": 3},
                                       {"class_weight": {0: [1, 2]}}, {"y": LABELS.astype(str)},
                                       {"class_weight": {0: "two"}}, {"y": 2.0},
                                       {"sample_weight": LABELS.astype(str)},
                                       {"speed": 3}])  # fmt: skip
def test_fit_with_something_of_a_wrong_type_is_a_type_error(arguments: Any) -> None:
    model = compiled()
    before = model.get_weights()
    with pytest.raises(TypeError):
        model.fit(**{"x": X, "y": LABELS, "verbose": 0} | arguments)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("epochs", [0, -1])
def test_fit_of_no_epochs_does_nothing(epochs: int) -> None:
    model = compiled()
    model.optimizer = cnnfast.optimizers.Adam(use_ema=True)
    before = model.get_weights()
    history = model.fit(X, LABELS, epochs=epochs, verbose=0)
    assert (history.history, history.epoch) == ({}, [])
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"y": [LABELS]}, "one array for each of the 2 outputs"),
        ({"y": {"a": LABELS, "c": LABELS}}, "does not have: .'c'"),
        ({"class_weight": {0: 1.0}}, "single output"),
        ({"y": [LABELS, LABELS[:3]]}, "Data cardinality is ambiguous"),
    ],
)
def test_fit_of_two_outputs_with_bad_targets_is_refused(arguments: Any, message: str) -> None:
    model = two_outputs()
    with pytest.raises(ValueError, match=message):
        model.fit(**{"x": X, "y": [LABELS, LABELS], "verbose": 0} | arguments)


@pytest.mark.parametrize(
    "setup",
    [
        {"loss": ["mse"]},
        {"loss": {"a": "mse", "c": "mse"}},
        {"loss": "mse", "loss_weights": [1.0, 2.0, 3.0]},
        {"loss": "mse", "loss_weights": 2.0},
        {"loss": "mse", "metrics": ["mae"]},
        {"loss": "mse", "metrics": {"c": "mae"}},
    ],
)
def test_setup_that_does_not_fit_the_outputs_is_refused(setup: Any) -> None:
    model = two_outputs()
    model.compile("sgd", **setup)
    with pytest.raises(ValueError, match=r"outputs"):
        model.fit(X, [LABELS, LABELS], verbose=0)


def test_evaluate_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one batch"):
        compiled().evaluate(iter([]), verbose=0)


@pytest.mark.parametrize("method", ["fit", "train_on_batch"])
def test_metric_that_does_not_fit_is_named_before_any_weight_changes(method: str) -> None:
    def mismatched(y_true: Any, y_pred: Any) -> Any:
        raise ValueError(f"a metric of three columns got {np.shape(y_pred)}")

    model = compiled(metrics=["accuracy", mismatched])
    before = model.get_weights()
    with pytest.raises(ValueError, match="three columns"):
        getattr(model, method)(X, LABELS)
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert int(model.optimizer.iterations) == 0


def test_metric_has_seen_nothing_but_the_batches() -> None:
    seen: list[int] = []

    class Count(metrics.Metric):
        """Count samples."""

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            """Take in a batch."""
            seen.append(len(y_true))
            self.total = getattr(self, "total", 0) + len(y_true)

        def result(self) -> float:
            """Give how many."""
            return float(getattr(self, "total", 0))

        def reset_state(self) -> None:
            """Forget them."""
            self.total = 0

    model = compiled(metrics=[Count(name="samples")])
    history = model.fit(X, LABELS, batch_size=len(X), epochs=2, verbose=0)
    assert history.history["samples"] == [len(X)] * 2
    assert len(seen) == 3


def test_metric_whose_targets_do_not_fit_is_named() -> None:
    model = compiled(metrics=[metrics.AUC(name="area")])
    with pytest.raises(ValueError, match="Metric 'area': Targets must have the shape"):
        model.fit(X, LABELS, verbose=0)
    with pytest.raises(ValueError, match=r"`loss_weights` must be numbers.*'a'"):
        compiled(loss_weights="a").fit(X, LABELS, verbose=0)


def test_classes_without_a_weight_count_once_and_weights_without_a_class_nothing() -> None:
    def losses(**options: Any) -> Any:
        model = compiled()
        model.layers[0].kernel.assign(np.ones((4, 3)) / 4)
        return model.fit(X, LABELS, verbose=0, epochs=2, shuffle=False, **options).history["loss"]

    given = losses(class_weight={0: 2.0, 7: 5.0})
    assert given == losses(class_weight={0: 2.0, 1: 1.0, 2: 1.0})
    assert given == losses(sample_weight=np.where(LABELS == 0, 2.0, 1.0))


@pytest.mark.parametrize("steps", [3, 5, None])
def test_generator_that_ends_early_warns_and_keeps_what_was_learned(steps: int | None) -> None:
    def batches() -> Iterator[Any]:
        for start in (0, 4):
            yield X[start : start + 4], LABELS[start : start + 4]

    model = compiled()
    options: dict[str, Any] = {"verbose": 0, "steps_per_epoch": steps}
    if steps is None:
        history = model.fit(batches(), **options)
    else:
        with pytest.warns(UserWarning, match="ran out of data"):
            history = model.fit(batches(), epochs=3, **options)
    assert model.optimizer.iterations == 2
    assert len(history.history["loss"]) == 1
    with pytest.warns(UserWarning, match="ran out of data"):
        assert np.isfinite(model.evaluate(batches(), steps=3, verbose=0))


def test_generator_that_goes_wrong_keeps_the_steps_before_and_trains_on() -> None:
    def batches(second: Any) -> Iterator[Any]:
        yield X[:4], LABELS[:4]
        yield second

    model = compiled()
    bad = [(X[4:8], LABELS[4:8] + 1), (X[4:8, :3], LABELS[4:8]), (X[4:8], LABELS), None]
    for count, second in enumerate(bad, 1):
        with pytest.raises((ValueError, TypeError)):
            model.fit(batches(second), verbose=0)
        assert model.optimizer.iterations == count
        assert all(np.isfinite(weight).all() for weight in model.get_weights())
    assert np.isfinite(model.fit(X, LABELS, verbose=0).history["loss"][0])


# ---- numbers that are none


def test_loss_that_is_no_number_ends_training_only_where_a_callback_asks_for_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    broken = X.copy()
    broken[5] = np.nan
    model = compiled(metrics=["accuracy"])
    history = model.fit(broken, LABELS, batch_size=4, shuffle=False, epochs=2, verbose=0)
    assert np.isnan(history.history["loss"]).all()
    model = compiled()
    options: dict[str, Any] = {"batch_size": 4, "shuffle": False, "epochs": 2, "verbose": 0}
    model.fit(broken, LABELS, callbacks=[TerminateOnNaN()], **options)
    assert model.optimizer.iterations == 2
    assert "Batch 1: Invalid loss" in capsys.readouterr().out
    with pytest.raises(RuntimeError, match="NaN or Inf loss encountered at batch 1"):
        compiled().fit(broken, LABELS, callbacks=[TerminateOnNaN(raise_error=True)], **options)
