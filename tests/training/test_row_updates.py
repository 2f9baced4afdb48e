"""Training that updates only the rows of embeddings that a batch looks up: the dense result."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers, optimizers
from cnnfast.callbacks import BackupAndRestore, LearningRateScheduler
from cnnfast.optimizers.steps import Steps
from cnnfast.training import step
from cnnfast.training.batch import Batch

WORDS, LENGTH = 60, 5
FALLING = optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)

ROW_BY_ROW: dict[str, Callable[[], Any]] = {
    "sgd": lambda: optimizers.SGD(0.1),
    "momentum": lambda: optimizers.SGD(FALLING, momentum=0.9),
    "nesterov": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "rmsprop": lambda: optimizers.RMSprop(0.01),
    "scheduled": lambda: optimizers.RMSprop(FALLING, clipvalue=0.01),
    "adagrad": lambda: optimizers.Adagrad(0.1),
}
WHOLE: dict[str, Callable[[], Any]] = {
    "adam": lambda: optimizers.Adam(0.01),
    "adadelta": lambda: optimizers.Adadelta(0.5),
    "centered": lambda: optimizers.RMSprop(0.01, centered=True),
    "rmsprop_momentum": lambda: optimizers.RMSprop(0.01, momentum=0.5),
    "epsilon": lambda: optimizers.Adagrad(0.1, epsilon=1e-60),
    "clipnorm": lambda: optimizers.SGD(0.1, clipnorm=0.1),
    "global_clipnorm": lambda: optimizers.SGD(0.1, global_clipnorm=0.1),
    "weight_decay": lambda: optimizers.SGD(0.1, weight_decay=0.1),
    "average": lambda: optimizers.RMSprop(0.01, use_ema=True, ema_overwrite_frequency=7),
    "accumulation": lambda: optimizers.SGD(0.1, gradient_accumulation_steps=3),
    "loss_scale": lambda: optimizers.SGD(0.1, loss_scale_factor=2.0),
}


@pytest.fixture(autouse=True)
def small_tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let tables of tests count as large, and give the threads back."""
    monkeypatch.setattr(step, "LARGE_TABLE", 0)
    yield
    cnnfast.config.set_num_threads(None)


@pytest.fixture
def as_a_whole(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Give what makes every later step update all rows."""
    return lambda: monkeypatch.setattr(Steps, "rows", lambda *_: None)


def texts() -> Any:
    """Build a model with two tables, one of which is looked up twice."""
    first, second, third = (cnnfast.Input((LENGTH,), dtype="int32") for _ in range(3))
    shared, other = layers.Embedding(WORDS, 24), layers.Embedding(WORDS // 2, 24)
    joined = layers.Add()([shared(first), shared(second), other(third)])
    hidden = layers.Conv1D(8, 3, activation="relu")(joined)
    pooled = layers.GlobalAveragePooling1D()(hidden)
    return cnnfast.Model([first, second, third], layers.Dense(1)(pooled))


def ids(random: np.random.Generator, samples: int) -> list[np.ndarray]:
    """Draw words of which some are frequent and some are hardly ever seen."""
    frequent = np.minimum(random.geometric(0.2, (3, samples, LENGTH)) - 1, WORDS // 2 - 1)
    rare = random.integers(0, WORDS // 2, frequent.shape)
    chosen = np.where(random.random(frequent.shape) < 0.03, rare, frequent).astype(np.int32)
    chosen[0][random.random(chosen[0].shape) < 0.02] += WORDS // 2
    return list(chosen)


class Run:
    """A model, the steps it takes, and what was seen of it."""

    def __init__(self, optimizer: Any, loss: Any = "mse") -> None:
        np.random.seed(5)
        self.model = texts()
        self.model.compile(optimizer, loss)
        self.random = np.random.default_rng(8)
        self.seen: list[np.ndarray] = []

    def steps(self, count: int, samples: int = 4) -> None:
        for _ in range(count):
            y = self.random.standard_normal((samples, 1)).astype(np.float32)
            self.seen.append(np.array(self.model.train_on_batch(ids(self.random, samples), y)))

    def refused_step(self) -> None:
        """Try a step with a word that the table does not have."""
        words = ids(np.random.default_rng(1), 4)
        words[0][2, 1] = WORDS
        with pytest.raises(ValueError, match="Received 60"):
            self.model.train_on_batch(words, np.ones((4, 1), np.float32))

    def look(self) -> None:
        self.seen += [np.array(weight) for weight in self.model.get_weights()]

    def look_at_state(self) -> None:
        self.seen += [np.array(array) for array in self.model.optimizer.get_weights()]

    def predict(self) -> None:
        self.seen.append(self.model.predict(ids(self.random, 6), verbose=0))


def anything(run: Run) -> Run:
    """Train, look and interfere in every way."""
    optimizer = run.model.optimizer
    first = run.model.get_weights()
    run.steps(31)
    run.predict()
    run.steps(7)
    run.look()
    run.steps(6, samples=1)
    run.look_at_state()
    run.steps(5)
    optimizer.set_weights(
        [-0.5 * np.abs(array) if array.ndim else array for array in optimizer.get_weights()]
    )
    run.steps(6)
    for name in {"momentum", "rho"} & set(vars(optimizer)):
        setattr(optimizer, name, 0.5 * getattr(optimizer, name))
    run.steps(6)
    run.model.set_weights(first)
    run.steps(4)
    run.model.set_weights([0.5 * weight for weight in run.model.get_weights()])
    run.steps(9)
    run.model.layers[-1].kernel.assign(run.model.layers[-1].kernel.value * 2)
    run.steps(9, samples=7)
    run.look_at_state()
    run.look()
    return run


def expect_same(found: Run, exact: Run) -> None:
    for one, other in zip(found.seen, exact.seen, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", [*ROW_BY_ROW, *WHOLE])
def test_training_gives_the_bits_of_dense_updates(name: str, as_a_whole: Any) -> None:
    make = (ROW_BY_ROW | WHOLE)[name]
    found = anything(Run(make()))
    as_a_whole()
    expect_same(found, anything(Run(make())))


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_training_on_any_number_of_threads_gives_the_same_bits(
    name: str, threads: int, as_a_whole: Any
) -> None:
    cnnfast.config.set_num_threads(threads)
    found = anything(Run(ROW_BY_ROW[name]()))
    cnnfast.config.set_num_threads(1)
    as_a_whole()
    expect_same(found, anything(Run(ROW_BY_ROW[name]())))


@pytest.mark.parametrize("name", [*ROW_BY_ROW, *WHOLE])
def test_step_that_is_refused_leaves_no_trace(name: str) -> None:
    runs = [Run((ROW_BY_ROW | WHOLE)[name]()) for _ in range(2)]
    for count in (0, 3, 1, 130):
        for run in runs:
            run.steps(count)
        runs[0].refused_step()
    for run in runs:
        run.steps(1)
        run.look()
        run.look_at_state()
    expect_same(*runs)


@pytest.mark.parametrize(("names", "expected"), [(ROW_BY_ROW, 2), (WHOLE, 0)])
def test_tables_are_updated_row_by_row_only_where_that_is_exact(names: Any, expected: int) -> None:
    for make in names.values():
        run = Run(make())
        run.steps(1)
        assert len(run.model._training.step._updates._tables) == expected


@pytest.mark.parametrize("rate", [-0.1, 0.0, np.inf, np.nan])
def test_learning_rate_that_moves_rows_without_a_gradient(rate: float, as_a_whole: Any) -> None:
    def trained() -> Run:
        run = Run(optimizers.SGD(0.1, momentum=0.5))
        run.steps(10)
        run.model.optimizer.learning_rate.assign(rate)
        run.steps(2)
        run.model.optimizer.learning_rate = 0.2
        run.steps(5)
        run.look()
        return run

    found = trained()
    as_a_whole()
    expect_same(found, trained())


@pytest.mark.parametrize("name", ROW_BY_ROW)
def test_training_resumes_from_a_file_and_from_copies(name: str, tmp_path: Path) -> None:
    run = Run(ROW_BY_ROW[name]())
    run.steps(20)
    run.model.save(tmp_path / "model.keras")
    others = [cnnfast.load_model(tmp_path / "model.keras")]
    run.steps(1)
    run.model.save(tmp_path / "model.keras")
    others = [cnnfast.load_model(tmp_path / "model.keras")]
    others += [copy.deepcopy(run.model), pickle.loads(pickle.dumps(run.model))]
    random = copy.deepcopy(run.random)
    run.seen.clear()
    run.steps(15)
    run.look()
    run.look_at_state()
    for model in others:
        other = Run(ROW_BY_ROW[name]())
        other.model, other.random = model, copy.deepcopy(random)
        other.steps(15)
        other.look()
        other.look_at_state()
        expect_same(run, other)


@pytest.mark.parametrize("name", ["momentum", "rmsprop"])
def test_loss_in_numpy_reads_rows_that_are_up_to_date(name: str, as_a_whole: Any) -> None:
    def cubic(targets: Any, predictions: Any) -> Any:
        return np.abs(targets - predictions) ** 3

    found = Run(ROW_BY_ROW[name](), cubic)
    found.steps(20)
    found.look()
    as_a_whole()
    exact = Run(ROW_BY_ROW[name](), cubic)
    exact.steps(20)
    exact.look()
    expect_same(found, exact)


def fitted(name: str, callbacks: Any) -> Any:
    run = Run(ROW_BY_ROW[name]())
    x = ids(run.random, 64)
    y = run.random.standard_normal((64, 1)).astype(np.float32)
    run.model.fit(
        x, y, batch_size=4, epochs=3, verbose=0, callbacks=callbacks, validation_data=(x, y)
    )
    run.look()
    run.look_at_state()
    return run


@pytest.mark.parametrize("name", ["sgd", "nesterov", "rmsprop", "adagrad"])
def test_callbacks_see_dense_updates(name: str, as_a_whole: Any, tmp_path: Path) -> None:
    def callbacks(folder: str) -> list[Any]:
        def halved(epoch: int, rate: float) -> float:
            return rate / 2

        return [
            LearningRateScheduler(halved),
            BackupAndRestore(tmp_path / folder, save_freq=3),
        ]

    found = fitted(name, callbacks("rows"))
    as_a_whole()
    expect_same(found, fitted(name, callbacks("whole")))


def test_constrained_and_penalized_tables_are_updated_as_a_whole() -> None:
    for options in ({"embeddings_constraint": "unit_norm"}, {"embeddings_regularizer": "l2"}):
        model = cnnfast.Sequential([
            cnnfast.Input((LENGTH,), dtype="int32"),
            layers.Embedding(WORDS, 8, **options),
            layers.Flatten(),
            layers.Dense(1),
        ])  # fmt: skip
        model.compile("sgd", "mse")
        model.train_on_batch(np.zeros((2, LENGTH), np.int32), np.zeros((2, 1)))
        assert not model._training.step._updates._tables


@pytest.mark.parametrize("computes", [False, True])
def test_table_that_an_output_without_a_loss_reads_too_is_read_up_to_date(
    computes: bool, as_a_whole: Any
) -> None:
    def trained() -> list[np.ndarray]:
        np.random.seed(1)
        first, second = (cnnfast.Input((LENGTH,), dtype="int32") for _ in range(2))
        embedding = layers.Embedding(WORDS, 8)
        scores = layers.Dense(1)(layers.Flatten()(embedding(first)))
        others = layers.Rescaling(0.5)(second) if computes else second
        model = cnnfast.Model([first, second], [scores, embedding(others)])
        model.compile(optimizers.SGD(0.1, momentum=0.9), ["mse", None])
        random, seen = np.random.default_rng(2), []
        for _ in range(20):
            x = [ids(random, 3)[0] for _ in range(2)]
            seen.append(np.array(model.train_on_batch(x, [np.ones((3, 1)), None])))
            batch = Batch(x, [np.ones((3, 1), np.float32), None], [None, None])
            seen += model._training.step.train(batch, predicts=True).predictions
        return [*seen, *model.get_weights()]

    found = trained()
    as_a_whole()
    for one, other in zip(found, trained(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_failed_step_leaves_rows_as_they_were(as_a_whole: Any) -> None:
    def trained() -> Run:
        run = Run(ROW_BY_ROW["momentum"]())
        run.steps(6)
        outside = [np.full((2, LENGTH), WORDS, np.int32)] * 3
        with pytest.raises(ValueError, match="ids"):
            run.model.train_on_batch(outside, np.zeros((2, 1)))
        run.steps(6)
        run.look()
        return run

    found = trained()
    as_a_whole()
    expect_same(found, trained())
