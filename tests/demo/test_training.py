"""The network that `cnnfast demo --train` trains, and the images it is trained on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from cnnfast import config
from cnnfast.demo import training
from cnnfast.demo.digits import Digits, load_digits, load_training_digits
from cnnfast.utils import set_random_seed

PROMISED = 0.985


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Train on one thread: the same bits, and no waiting for the other where a machine is busy."""
    with config.num_threads(1):
        yield


@pytest.fixture
def few() -> Digits:
    digits = load_training_digits()
    return Digits(digits.images[:100], digits.labels[:100])


def test_training_and_held_out_images_are_those_of_scikit_learn_apart() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    bunch = datasets.load_digits()
    parts = [load_digits(), load_training_digits()]
    found = np.concatenate([part.images.reshape(-1, 64) * 16 for part in parts])
    labels = np.concatenate([part.labels for part in parts])
    rows = np.column_stack([found, labels])
    expected = np.column_stack([bunch.data, bunch.target])
    # The same rows, each once, in another order.
    np.testing.assert_array_equal(rows[np.lexsort(rows.T)], expected[np.lexsort(expected.T)])


def test_train_reads_digits_it_never_saw() -> None:
    held = load_digits()
    set_random_seed(training.SEED)
    model = training.build_network()
    lesson = training.train(model, load_training_digits(), verbose=0)
    predicted = model.predict(held.images, verbose=0).argmax(axis=1)
    assert np.mean(predicted == held.labels) >= PROMISED
    assert lesson.epochs == len(lesson.history["val_loss"]) <= training.MOST_EPOCHS
    assert lesson.images + round(0.15 * 1437) == 1437


def test_train_with_one_seed_gives_the_same_weights(few: Digits) -> None:
    found = []
    for _ in range(2):
        set_random_seed(3)
        model = training.build_network()
        training.train(model, few, epochs=2, verbose=0)
        found.append(model.get_weights())
    for first, second in zip(*found, strict=True):
        np.testing.assert_array_equal(first, second)


def test_train_keeps_the_weights_of_the_best_epoch(few: Digits) -> None:
    set_random_seed(3)
    model = training.build_network()
    lesson = training.train(model, few, epochs=4, verbose=0)
    kept = model.evaluate(few.images[85:], few.labels[85:], verbose=0, return_dict=True)
    assert kept["loss"] == pytest.approx(min(lesson.history["val_loss"]), rel=1e-6)


def test_lesson_speed_counts_each_image_once_an_epoch() -> None:
    lesson = training.Lesson({"loss": [2.0, 1.0]}, images=30, seconds=4.0)
    assert lesson.epochs == 2
    assert lesson.images_per_second == 15


def test_handwriting_shows_every_digit_once_an_epoch_and_never_alike(few: Digits) -> None:
    batches = training.Handwriting(few, seed=1)
    epochs = []
    for _ in range(2):
        images, labels = (
            np.concatenate(part)
            for part in zip(*(batches[index] for index in range(len(batches))), strict=True)
        )
        assert images.shape == few.images.shape
        np.testing.assert_array_equal(np.sort(labels), np.sort(few.labels))
        epochs.append(images)
        batches.on_epoch_end()
    assert not np.array_equal(*epochs)


def test_interpolated_at_pixels_gives_the_pixels_and_dark_around() -> None:
    images = np.random.default_rng(0).random((2, 3, 4), np.float32)
    rows, columns = (grid[None] * np.ones((2, 1, 1)) for grid in np.mgrid[-2:5, -3:7])
    read = training.interpolated(images, rows, columns)
    np.testing.assert_array_equal(read[:, 2:5, 3:7], images)
    assert read.sum() == pytest.approx(images.sum())


def test_interpolated_between_pixels_gives_their_mean() -> None:
    images = np.array([[[0.0, 1.0], [2.0, 5.0]]], np.float32)
    halves = np.full((1, 1, 1), 0.5)
    assert training.interpolated(images, halves, halves).item() == 2
    assert training.interpolated(images, halves, np.zeros((1, 1, 1))).item() == 1


def test_rewritten_without_chance_changes_nothing(
    few: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    for spread in ("ANGLE", "SIZE", "PLACE"):
        monkeypatch.setattr(training, spread, 0.0)
    same = training.rewritten(few.images, np.random.default_rng(0))
    np.testing.assert_array_equal(same, few.images)
