"""Weights that a plan holds packed: their variables let go of them, and nobody notices."""

from __future__ import annotations

import copy
import pickle
import threading

import numpy as np
import pytest

import cnnfast
from cnnfast.engine.lenders import WORTHWHILE
from cnnfast.engine.variable import epoch

C, K = 520, 515
assert 4 * C * K > WORTHWHILE


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(5)


@pytest.fixture
def matrix(rng: np.random.Generator) -> np.ndarray:
    """Numbers that only a copy of their bits keeps."""
    values = rng.standard_normal((C, K), dtype=np.float32)
    values[0, :4] = -0.0, np.inf, 1e-45, 3e38
    values.view(np.int32)[1, 0] = 0x7FC01234
    return values


def dense_model(matrix: np.ndarray) -> cnnfast.Sequential:
    model = cnnfast.Sequential([cnnfast.Input((C,)), cnnfast.layers.Dense(matrix.shape[1])])
    model.layers[0].kernel.assign(matrix)
    return model


def bits(values: np.ndarray) -> np.ndarray:
    return values.view(np.int32)


@pytest.mark.parametrize("columns", [K, 512, 528])
def test_value_let_go_is_unpacked_bit_by_bit(isa, rng, columns):
    matrix = rng.standard_normal((C, columns), dtype=np.float32)
    model = dense_model(matrix)
    kernel = model.layers[0].kernel
    before = kernel.version, epoch()
    model.predict_on_batch(np.ones((2, C), np.float32))
    assert kernel.held is None
    assert (kernel.shape, kernel.size) == ((C, columns), C * columns)
    np.testing.assert_array_equal(bits(kernel.value), bits(matrix))
    assert not kernel.value.flags.writeable
    assert kernel.held is not None
    assert (kernel.version, epoch()) == before


def test_values_that_are_no_numbers_keep_their_bits(matrix):
    model = dense_model(matrix)
    model.predict_on_batch(np.ones((1, C), np.float32))
    np.testing.assert_array_equal(bits(model.get_weights()[0]), bits(matrix))


def test_reading_and_changing_weights_between_predictions(matrix, rng):
    matrix = np.clip(np.nan_to_num(matrix), -1, 1)
    model, x = dense_model(matrix), rng.standard_normal((3, C), dtype=np.float32)
    first = model.predict_on_batch(x)
    model.get_weights()
    np.testing.assert_array_equal(model.predict_on_batch(x), first)
    model.layers[0].bias.assign(np.ones(K))
    np.testing.assert_array_equal(model.predict_on_batch(0 * x), np.ones((3, K)))
    model.layers[0].kernel.assign(2 * model.layers[0].kernel.value)
    model.layers[0].bias.assign(np.zeros(K))
    np.testing.assert_array_equal(model.predict_on_batch(x), 2 * first)


def test_small_and_folded_weights_stay(rng):
    small = cnnfast.Sequential([cnnfast.Input((4,)), cnnfast.layers.Dense(3)])
    small.predict_on_batch(np.zeros((1, 4), np.float32))
    assert small.layers[0].kernel.held is not None
    folded = cnnfast.Sequential([
        cnnfast.Input((C,)), cnnfast.layers.Dense(K), cnnfast.layers.BatchNormalization()
    ])  # fmt: skip
    folded.layers[1].moving_variance.assign(np.full(K, 4.0))
    kernel = folded.layers[0].kernel
    before = kernel.value
    folded.predict_on_batch(np.zeros((1, C), np.float32))
    assert kernel.held is before


def test_layer_used_twice_lets_go_once(matrix):
    shared = cnnfast.layers.Dense(K)
    a, b = cnnfast.Input((C,)), cnnfast.Input((C,))
    model = cnnfast.Model([a, b], cnnfast.layers.Concatenate()([shared(a), shared(b)]))
    shared.kernel.assign(matrix)
    ones = np.ones((1, C), np.float32)
    outputs = model.predict_on_batch([0 * ones, ones])
    assert shared.kernel.held is None
    np.testing.assert_array_equal(bits(shared.kernel.value), bits(matrix))
    np.testing.assert_array_equal(outputs[:, K:], shared(ones))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda v: pickle.loads(pickle.dumps(v))])
def test_copies_of_a_variable_hold_its_value(matrix, copied):
    model = dense_model(matrix)
    model.predict_on_batch(np.ones((1, C), np.float32))
    twin = copied(model.layers[0].kernel)
    np.testing.assert_array_equal(bits(twin.held), bits(matrix))
    assert not twin.value.flags.writeable


def test_readers_in_other_threads_always_see_the_value(matrix):
    model, other = dense_model(matrix), cnnfast.Sequential()
    other.add(cnnfast.Input((C,)))
    other.add(model.layers[0])
    kernel, stop, wrong = model.layers[0].kernel, threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            if not np.array_equal(bits(kernel.value), bits(matrix)):
                wrong.append(kernel.value)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for index in range(40):
        user = (model, other)[index % 2]
        user.layers[0].bias.assign(np.zeros(K))
        user.predict_on_batch(np.ones((1, C), np.float32))
    stop.set()
    for reader in readers:
        reader.join()
    assert not wrong


def test_training_goes_on_from_a_value_let_go(matrix, rng):
    matrix = np.clip(np.nan_to_num(matrix), -1, 1)
    twins = [dense_model(matrix), dense_model(matrix)]
    x, y = rng.standard_normal((8, C), dtype=np.float32), np.zeros((8, K), np.float32)
    for model in twins:
        model.compile("sgd", "mse")
    for _ in range(2):
        twins[0].predict_on_batch(x)
        for model in twins:
            model.train_on_batch(x, y)
    for a, b in zip(*(model.get_weights() for model in twins), strict=True):
        np.testing.assert_array_equal(a, b)
