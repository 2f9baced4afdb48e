"""From scikit-learn's preprocessing to a Conv1D classifier of measured flowers, untrained."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import cnnfast
import tolerances
from cnnfast.layers import Conv1D, Conv2D, Dense, Flatten, MaxPooling1D
from cnnfast.models import Sequential
from summaries import STYLES, assert_summary


@pytest.fixture
def classifier() -> Sequential:
    model = Sequential()
    model.add(Conv1D(filters=64, kernel_size=2, activation="relu", input_shape=(4, 1)))
    model.add(MaxPooling1D(pool_size=2))
    model.add(Flatten())
    model.add(Dense(units=64, activation="relu"))
    model.add(Dense(units=3, activation="softmax"))
    return model


def assert_probabilities(outputs: np.ndarray) -> None:
    assert outputs.dtype == np.float32
    assert (outputs >= 0).all()
    error = np.abs(outputs.sum(axis=1, dtype=np.float64) - 1)
    assert (error <= tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, 1.0)).all()


def test_dense_stack_with_input_dim_has_the_layers_sizes() -> None:
    model = Sequential()
    model.add(Dense(units=64, activation="relu", input_dim=100))
    model.add(Dense(units=10, activation="softmax"))
    assert model.input_shape == (None, 100)
    assert model.count_params() == 64 * 101 + 10 * 65
    assert_probabilities(model.predict(np.random.default_rng(0).normal(size=(7, 100)), verbose=0))


def test_standardized_measurements_give_a_probability_for_each_class(
    classifier: Sequential,
) -> None:
    flowers = load_iris()
    kinds = OneHotEncoder().fit_transform(flowers.target.reshape(-1, 1)).toarray()
    scaler = StandardScaler()
    measures = scaler.fit_transform(flowers.data)
    _, held, _, held_kinds = train_test_split(measures, kinds, test_size=0.2, random_state=0)
    outputs = classifier.predict(held.reshape(-1, 4, 1), batch_size=8, verbose=0)
    assert outputs.shape == held_kinds.shape
    assert_probabilities(outputs)
    one = scaler.transform([[5.0, 3.5, 1.5, 0.25]]).reshape(-1, 4, 1)
    assert_probabilities(classifier.predict(one, verbose=0))


def test_rows_without_a_channel_axis_are_given_one(classifier: Sequential) -> None:
    rows = np.random.default_rng(0).normal(size=(6, 4))
    with_axis = classifier.predict(rows[..., np.newaxis], verbose=0)
    np.testing.assert_array_equal(classifier.predict(rows, verbose=0), with_axis)


@pytest.mark.parametrize("style", STYLES)
def test_classifier_summary_lists_shapes_and_counts(classifier: Sequential, style: str) -> None:
    rows = [
        ("(None, 3, 64)", 192),
        ("(None, 1, 64)", 0),
        ("(None, 64)", 0),
        ("(None, 64)", 4160),
        ("(None, 3)", 195),
    ]
    assert_summary(classifier, style, rows)


def test_third_position_of_a_convolution_is_its_strides() -> None:
    model = Sequential([Conv2D(64, 3, 3, input_shape=(3, 32, 32))])
    assert model.output_shape == (None, 1, 10, 64)
    model.add(Flatten())
    assert model.output_shape == (None, 640)


def test_causal_convolution_never_looks_ahead() -> None:
    layer = Conv1D(3, 4, padding="causal", dilation_rate=2)
    signal = np.random.default_rng(0).normal(size=(1, 20, 2)).astype(np.float32)
    before = layer(signal)
    signal[:, 11:] += 1
    after = layer(signal)
    np.testing.assert_array_equal(before[:, :11], after[:, :11])
    assert (before[:, 11:] != after[:, 11:]).all()


@pytest.mark.parametrize(
    "second", [lambda: Conv1D(64, 3), lambda: MaxPooling1D(2)], ids=["Conv1D", "MaxPooling1D"]
)
def test_layer_wider_than_what_is_left_of_the_sequence_is_refused(second: type) -> None:
    model = Sequential([Conv1D(filters=64, kernel_size=3, input_shape=(3, 1))])
    layer = second()
    with pytest.raises(ValueError, match="1, 64") as raised:
        model.add(layer)
    assert layer.name in str(raised.value)
    assert model.output_shape == (None, 1, 64)


def test_functional_model_of_the_same_layers_predicts_the_same(classifier: Sequential) -> None:
    inputs = cnnfast.Input(shape=(4, 1))
    outputs = inputs
    for layer in classifier.layers:
        outputs = layer(outputs)
    model = cnnfast.Model(inputs=inputs, outputs=outputs)
    rows = np.random.default_rng(0).normal(size=(5, 4, 1))
    np.testing.assert_array_equal(
        model.predict(rows, verbose=0), classifier.predict(rows, verbose=0)
    )
