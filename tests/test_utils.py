"""Helpers around models; the expected arrays are those of Keras 3.15."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from cnnfast import initializers, utils
from cnnfast.layers import Dense


@pytest.mark.parametrize(
    ("x", "num_classes", "expected"),
    [
        ([0, 2, 1], None, [[1, 0, 0], [0, 0, 1], [0, 1, 0]]),
        ([[0], [2]], None, [[1, 0, 0], [0, 0, 1]]),
        ([[0, 1], [2, 1]], 4, [[[1, 0, 0, 0], [0, 1, 0, 0]], [[0, 0, 1, 0], [0, 1, 0, 0]]]),
        ([1.7, 0], None, [[0, 1], [1, 0]]),
        (2, 5, [0, 0, 1, 0, 0]),
    ],
    ids=str,
)
def test_to_categorical_has_a_one_at_the_class(
    x: Any, num_classes: int | None, expected: Any
) -> None:
    rows = utils.to_categorical(x, num_classes)
    assert rows.dtype == np.float64
    assert rows.tolist() == expected


@pytest.mark.parametrize(("x", "num_classes"), [([0, 5], 3), ([-1, 1], None)], ids=str)
def test_to_categorical_class_out_of_range_is_refused(x: Any, num_classes: int | None) -> None:
    with pytest.raises(ValueError, match="Class numbers must be"):
        utils.to_categorical(x, num_classes)


def test_to_categorical_of_nothing_is_empty() -> None:
    assert utils.to_categorical([], 3).shape == (0, 3)


@pytest.mark.parametrize(
    ("x", "options", "expected"),
    [
        ([[3.0, 4.0], [0, 0]], {}, [[0.6, 0.8], [0, 0]]),
        ([3, 4], {}, [0.6, 0.8]),
        ([[1, 2], [3, 6]], {"axis": 0, "order": 1}, [[0.25, 0.25], [0.75, 0.75]]),
    ],
    ids=str,
)
def test_normalize_divides_by_the_norm(x: Any, options: dict[str, int], expected: Any) -> None:
    assert utils.normalize(x, **options).tolist() == expected


@pytest.mark.parametrize(
    ("sequences", "options", "expected"),
    [
        ([[1, 2], [3], [4, 5, 6]], {}, [[0, 1, 2], [0, 0, 3], [4, 5, 6]]),
        (
            [[1, 2], [3], [4, 5, 6]],
            {"maxlen": 2, "padding": "post", "truncating": "post"},
            [[1, 2], [3, 0], [4, 5]],
        ),
        ([[1, 2, 3]], {"maxlen": 2}, [[2, 3]]),
        ([[1.5], []], {"dtype": "float32", "value": -1}, [[1.5], [-1]]),
        ([[[1, 2], [3, 4]], [[5, 6]]], {}, [[[1, 2], [3, 4]], [[0, 0], [5, 6]]]),
        ([[1, 2]], {"maxlen": 0}, [[]]),
        ([["a"], []], {"dtype": object, "value": "z"}, [["a"], ["z"]]),
    ],
    ids=str,
)
def test_pad_sequences_brings_to_one_length(
    sequences: Any, options: dict[str, Any], expected: Any
) -> None:
    padded = utils.pad_sequences(sequences, **options)
    assert padded.tolist() == expected
    assert padded.dtype == np.dtype(options.get("dtype", "int32"))


@pytest.mark.parametrize(
    ("sequences", "options", "message"),
    [
        ([1, 2], {}, "must hold sequences"),
        ([[1]], {"padding": "middle"}, "padding='middle'"),
        ([[1]], {"truncating": "middle"}, "truncating='middle'"),
        ([[[1, 2]], [[5, 6, 7]]], {}, r"\(2,\).*\(3,\)"),
    ],
    ids=str,
)
def test_pad_sequences_misfits_are_refused(
    sequences: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        utils.pad_sequences(sequences, **options)


def test_set_random_seed_repeats_everything_random() -> None:
    def draw() -> tuple[float, float, list[float]]:
        utils.set_random_seed(7)
        weights = initializers.get("glorot_uniform")((2, 3), dtype="float32")  # type: ignore[misc]
        return random.random(), float(np.random.rand()), weights.ravel().tolist()

    assert draw() == draw()


@pytest.mark.parametrize("seed", [1.5, "1", None, True], ids=repr)
def test_set_random_seed_no_integer_is_refused(seed: Any) -> None:
    with pytest.raises(TypeError, match="`seed` must be an integer"):
        utils.set_random_seed(seed)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_set_random_seed_out_of_range_changes_nothing(seed: int) -> None:
    state = random.getstate()
    with pytest.raises(ValueError):
        utils.set_random_seed(seed)
    assert random.getstate() == state


def test_clear_session_numbers_names_from_the_beginning() -> None:
    utils.clear_session()
    assert [Dense(1).name, Dense(1).name] == ["dense", "dense_1"]
    utils.clear_session()
    assert Dense(1).name == "dense"


def test_py_dataset_without_batches_says_what_is_missing() -> None:
    dataset = utils.Sequence()
    with pytest.raises(NotImplementedError, match="__len__"):
        len(dataset)
    with pytest.raises(NotImplementedError, match="__getitem__"):
        dataset[0]
