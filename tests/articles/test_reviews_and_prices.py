"""A text classifier over an embedding and a classifier of price series, untrained."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import reference
import tolerances
from cnnfast.layers import (
    Conv1D,
    Dense,
    Dropout,
    Embedding,
    Flatten,
    GlobalMaxPooling1D,
    MaxPooling1D,
)
from cnnfast.models import Sequential
from layercases import assert_close
from summaries import STYLES, assert_summary

WORDS = 20000
LONGEST = 100
RELU: reference.Activation = ("relu", 0.0, np.inf, 0.0)
SIGMOID: reference.Activation = ("sigmoid", 0.0, 0.0, 0.0)


@pytest.fixture(scope="module")
def reviews() -> Sequential:
    model = Sequential()
    with warnings.catch_warnings():
        # Keras 3 and we say that the argument has no effect.
        warnings.simplefilter("ignore")
        model.add(Embedding(WORDS, 128, input_length=LONGEST))
    model.add(Conv1D(32, 7, activation="relu"))
    model.add(MaxPooling1D(5))
    model.add(Conv1D(32, 7, activation="relu"))
    model.add(GlobalMaxPooling1D())
    model.add(Dense(1, activation="sigmoid"))
    model.build((None, LONGEST))
    return model


@pytest.fixture(scope="module")
def prices() -> Sequential:
    model = Sequential()
    model.add(Conv1D(filters=16, kernel_size=5, activation="relu", input_shape=(50, 1)))
    model.add(MaxPooling1D(4))
    model.add(Flatten())
    model.add(Dropout(0.5))
    model.add(Dense(1, activation="sigmoid"))
    return model


def convolve(sequences: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Convolve sequences as images one row high."""
    return reference.convolution(sequences, kernel[np.newaxis], bias, activation=RELU)


def bound(model: Sequential, sequences: np.ndarray) -> float:
    """Bound the logits by each layer's error times the gain of the layers behind it."""
    error, largest = 0.0, float(np.abs(sequences).max())
    weights = [array for array in model.get_weights() if array.shape[0] != WORDS]
    for kernel, bias in zip(weights[::2], weights[1::2], strict=True):
        gain = float(np.abs(kernel.reshape(-1, kernel.shape[-1])).sum(axis=0).max())
        largest = gain * largest + float(np.abs(bias).max())
        error = gain * error + float(tolerances.float32_dot(kernel[..., 0].size, largest))
    return error / 4 + float(tolerances.roundings(tolerances.COMPOSITE_ROUNDINGS, 1.0))


def test_reviews_of_random_words_give_the_probability_by_hand(reviews: Sequential) -> None:
    words = np.random.default_rng(3).integers(0, WORDS, (4, LONGEST))
    table, kernel, bias, kernel_2, bias_2, matrix, shift = reviews.get_weights()
    vectors = reference.embedding(words, table)[:, np.newaxis]
    features = convolve(vectors, kernel, bias)
    peaks = reference.pooling("max", features, (1, 5), (1, 5))
    summits = reference.global_pooling("max", convolve(peaks, kernel_2, bias_2))
    expected = reference.dense(summits, matrix, shift, SIGMOID)
    assert_close(reviews.predict(words, verbose=0), expected, bound(reviews, table))


def test_reviews_given_as_floats_are_the_same_words(reviews: Sequential) -> None:
    words = np.random.default_rng(4).integers(0, WORDS, (2, LONGEST))
    as_floats = reviews.predict(words.astype(np.float64), verbose=0)
    np.testing.assert_array_equal(as_floats, reviews.predict(words, verbose=0))


def test_word_beyond_the_vocabulary_is_refused(reviews: Sequential) -> None:
    words = np.full((1, LONGEST), WORDS)
    with pytest.raises(ValueError, match=str(WORDS)):
        reviews.predict(words, verbose=0)


def test_price_series_give_the_probability_by_hand(prices: Sequential) -> None:
    series = np.random.default_rng(5).normal(size=(33, 50, 1))
    kernel, bias, matrix, shift = prices.get_weights()
    features = convolve(series[:, np.newaxis], kernel, bias)
    peaks = reference.pooling("max", features, (1, 4), (1, 4))
    expected = reference.dense(peaks.reshape(len(series), -1), matrix, shift, SIGMOID)
    assert_close(prices.predict(series, verbose=0), expected, bound(prices, series))


def test_price_series_in_any_batch_size_give_identical_bits(prices: Sequential) -> None:
    series = np.random.default_rng(6).normal(size=(70, 50, 1))
    whole = prices.predict(series, batch_size=70, verbose=0)
    np.testing.assert_array_equal(prices.predict(series, batch_size=32, verbose=0), whole)
    np.testing.assert_array_equal(prices.predict(series, batch_size=1, verbose=0), whole)


@pytest.mark.parametrize("style", STYLES)
def test_reviews_summary_lists_shapes_and_counts(reviews: Sequential, style: str) -> None:
    rows = [
        ("(None, 100, 128)", 2_560_000),
        ("(None, 94, 32)", 28_704),
        ("(None, 18, 32)", 0),
        ("(None, 12, 32)", 7_200),
        ("(None, 32)", 0),
        ("(None, 1)", 33),
    ]
    assert_summary(reviews, style, rows)


@pytest.mark.parametrize("style", STYLES)
def test_prices_summary_lists_shapes_and_counts(prices: Sequential, style: str) -> None:
    rows = [
        ("(None, 46, 16)", 96),
        ("(None, 11, 16)", 0),
        ("(None, 176)", 0),
        ("(None, 176)", 0),
        ("(None, 1)", 177),
    ]
    assert_summary(prices, style, rows)
