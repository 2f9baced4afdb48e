"""Ops that move floats, against NumPy, to the bit."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from cnnfast._kernels.layout import Concatenate, Pad, Permute

Array = np.ndarray


def normal(*shape: int) -> Array:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def padded(inputs: Array, padding: tuple[int, int, int, int], threads: int = 1) -> Array:
    top, bottom, left, right = padding
    images, height, width, channels = inputs.shape
    outputs = np.full(
        (images, top + height + bottom, left + width + right, channels), np.nan, np.float32
    )
    Pad(height, width, channels, padding).run(inputs, outputs, threads)
    return outputs


def permuted(inputs: Array, axes: tuple[int, ...], threads: int = 1) -> Array:
    shape = inputs.shape[1:]
    outputs = np.full((len(inputs), *(shape[axis] for axis in axes)), np.nan, np.float32)
    flat = (len(inputs), math.prod(shape))
    Permute(shape, axes).run(inputs.reshape(flat), outputs.reshape(flat), threads)
    return outputs


def concatenated(inputs: list[Array], threads: int = 1) -> Array:
    widths = tuple(array.shape[2] for array in inputs)
    images, rows = inputs[0].shape[:2]
    outputs = np.full((images, rows, sum(widths)), np.nan, np.float32)
    Concatenate(rows, widths).run(inputs, outputs, threads)
    return outputs


@given(sizes=st.tuples(*4 * [st.integers(1, 6)]), padding=st.tuples(*4 * [st.integers(0, 4)]))
def test_padding_of_any_amounts_equals_reference(
    sizes: tuple[int, ...], padding: tuple[int, int, int, int]
) -> None:
    inputs = normal(*sizes)
    sides = (padding[:2], padding[2:])
    np.testing.assert_array_equal(padded(inputs, padding), reference.pad(inputs, sides))


def test_padding_threads_do_not_change_a_bit(threads: int) -> None:
    inputs = normal(5, 7, 3, 2)
    expected = reference.pad(inputs, ((1, 2), (3, 0)))
    np.testing.assert_array_equal(padded(inputs, (1, 2, 3, 0), threads), expected)


@pytest.mark.parametrize(
    "shape",
    [
        (7,),
        (1,),
        (16, 17),
        (1, 5),
        (33, 1),
        (3, 50),
        (331, 3),
        (64, 64),
        (4, 1, 6),
        (2, 3, 4),
        (17, 16, 15),
        (5, 1, 1, 3),
        (2, 3, 4, 5),
        (2, 3, 2, 17, 3),
        (1, 1, 1, 1, 1),
    ],
    ids=str,
)
def test_every_permutation_equals_reference(shape: tuple[int, ...]) -> None:
    inputs = normal(2, *shape)
    for axes in itertools.permutations(range(len(shape))):
        np.testing.assert_array_equal(permuted(inputs, axes), reference.permute(inputs, axes))


@given(
    shape=st.lists(st.integers(1, 7), min_size=1, max_size=5),
    images=st.integers(0, 3),
    data=st.data(),
)
def test_permutation_of_any_shape_equals_reference(
    shape: list[int], images: int, data: st.DataObject
) -> None:
    axes = tuple(data.draw(st.permutations(range(len(shape)))))
    inputs = normal(images, *shape)
    np.testing.assert_array_equal(permuted(inputs, axes), reference.permute(inputs, axes))


def test_permutation_threads_do_not_change_a_bit(threads: int) -> None:
    inputs = normal(3, 20, 21, 37)
    for axes in itertools.permutations(range(3)):
        expected = reference.permute(inputs, axes)
        np.testing.assert_array_equal(permuted(inputs, axes, threads), expected)


@given(
    images=st.integers(0, 3),
    rows=st.integers(1, 6),
    widths=st.lists(st.integers(1, 20), min_size=1, max_size=9),
)
def test_concatenation_of_any_inputs_equals_reference(
    images: int, rows: int, widths: list[int]
) -> None:
    inputs = [normal(images, rows, width) + index for index, width in enumerate(widths)]
    expected = reference.concatenate(inputs, 1)
    np.testing.assert_array_equal(concatenated(inputs), expected)


def test_concatenation_threads_do_not_change_a_bit(threads: int) -> None:
    inputs = [normal(4, 9, width) for width in (3, 1, 40)]
    expected = reference.concatenate(inputs, 1)
    np.testing.assert_array_equal(concatenated(inputs, threads), expected)


def test_concatenation_of_the_wrong_number_of_inputs_is_refused() -> None:
    outputs = np.zeros((1, 1, 3), np.float32)
    for count in (1, 3):
        with pytest.raises(ValueError, match=f"2 inputs. Received {count}"):
            Concatenate(1, (1, 2)).run(count * [normal(1, 1, 1)], outputs, 1)


def test_moving_no_images_does_nothing(threads: int) -> None:
    assert padded(normal(0, 2, 2, 2), (1, 1, 1, 1), threads).shape == (0, 4, 4, 2)
    assert permuted(normal(0, 2, 3), (1, 0), threads).shape == (0, 3, 2)
    assert concatenated([normal(0, 2, 3), normal(0, 2, 1)], threads).shape == (0, 2, 4)


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 2, 2, (0, 0, 0, 0)),
        (2, 2, 0, (0, 0, 0, 0)),
        (2, 2, 2, (0, 0, -1, 0)),
    ],
)
def test_impossible_padding_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match="Received"):
        Pad(*arguments)


@pytest.mark.parametrize(
    ("shape", "axes"),
    [
        ((), ()),
        ((2, 3), (0,)),
        ((2, 3), (0, 0)),
        ((2, 3), (1, 2)),
        ((2, 3), (0, -1)),
        ((2, 0), (1, 0)),
        ((1,) * 6, tuple(range(6))),
    ],
)
def test_impossible_permutation_is_refused(shape: tuple[int, ...], axes: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="Received"):
        Permute(shape, axes)


@pytest.mark.parametrize(("rows", "widths"), [(0, (1,)), (1, ()), (1, (2, 0))])
def test_empty_concatenation_is_refused(rows: int, widths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        Concatenate(rows, widths)
