"""Epochs, and weights of classes."""

from __future__ import annotations

import numpy as np
import pytest

from cnnfast.training.epochs import Epochs
from cnnfast.training.sources import source_of
from trainingdata import X2, W, X, Y, generator, joined, one_in_one_out, two_in_two_out

# ---- epochs


def targets_of(epochs, number):
    return [batch.targets[0].tolist() for batch in epochs.epoch(number)]


def test_epochs_of_few_steps_go_on_where_the_last_one_stopped():
    epochs = Epochs(source_of(one_in_one_out(), X, Y, batch_size=3), steps=2)
    assert targets_of(epochs, 0) == [[0, 1, 2], [3, 4, 5]]
    assert targets_of(epochs, 1) == [[6, 7, 8], [9, 10]]
    assert targets_of(epochs, 2) == [[0, 1, 2], [3, 4, 5]]
    assert epochs.steps == 2


def test_epochs_of_more_steps_than_there_are_end_with_a_warning_and_begin_anew():
    epochs = Epochs(source_of(one_in_one_out(), X, Y, batch_size=6), steps=3)
    for number in range(2):
        with pytest.warns(UserWarning, match="ran out of data"):
            assert [len(batch) for batch in targets_of(epochs, number)] == [6, 5]


def test_epochs_of_an_endless_generator_take_their_steps():
    endless = (batch for _ in iter(int, 1) for batch in generator(3))
    epochs = Epochs(source_of(one_in_one_out(), endless), steps=2)
    assert targets_of(epochs, 0) + targets_of(epochs, 1) == [[0, 1], [1, 2], [2, 3], [0, 1]]


def test_epochs_of_a_finite_generator_learn_their_length_and_then_warn():
    epochs = Epochs(source_of(one_in_one_out(), generator(3)))
    assert epochs.steps is None
    assert len(targets_of(epochs, 0)) == 3
    assert epochs.steps == 3
    with pytest.warns(UserWarning, match="ran out of data"):
        assert targets_of(epochs, 1) == []


def test_epochs_of_no_steps_are_refused():
    with pytest.raises(ValueError, match="steps_per_epoch"):
        Epochs(source_of(one_in_one_out(), X), steps=0)


# ---- class weights


@pytest.mark.parametrize(
    "targets",
    [
        Y % 3,
        (Y % 3)[:, np.newaxis],
        (Y % 3).astype(np.float32) + 0.1,
        np.eye(3)[Y % 3],
    ],
)
def test_class_weights_become_weights_of_samples(targets):
    weights = {0: 0.5, 2: 4.0}
    source = source_of(one_in_one_out(), X, targets, batch_size=4, class_weight=weights)
    found = joined(source.batches(0))[2]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.array([0.5, 1.0, 4.0])[Y % 3])


def test_class_weights_reach_batches_and_not_the_validation_split():
    source = source_of(one_in_one_out(), generator(2), class_weight={1: 3.0})
    assert [batch.weights[0].tolist() for batch in source.batches(0)] == [[1, 3], [3, 1]]
    whole = source_of(one_in_one_out(), X, Y, class_weight={1: 3.0})
    assert joined(whole.split(0.5)[1].batches(0))[2] is None


def test_class_weights_where_they_mean_nothing_are_refused():
    with pytest.raises(ValueError, match="at the same time"):
        source_of(one_in_one_out(), X, Y, W, class_weight={0: 1.0})
    with pytest.raises(ValueError, match="single output"):
        source_of(two_in_two_out(), [X, X2], [Y, X2], class_weight={0: 1.0})
    with pytest.raises(TypeError, match="must be a dict"):
        source_of(one_in_one_out(), X, Y, class_weight=[1.0, 2.0])
    with pytest.raises(ValueError, match="at the same time"):
        list(source_of(one_in_one_out(), generator(1, True), class_weight={0: 1.0}).batches(0))
