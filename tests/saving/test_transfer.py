"""Layouts of stored arrays."""

from __future__ import annotations

import numpy as np
import pytest

from cnnfast.saving.transfer import Layout

ARRAY = np.arange(24).reshape(2, 3, 4)


@pytest.mark.parametrize(
    ("layout", "expected"),
    [
        (Layout(), ARRAY),
        (Layout(axes=(2, 0, 1)), ARRAY.transpose(2, 0, 1)),
        (Layout(flipped=(0, 1)), ARRAY[::-1, ::-1]),
    ],
)
def test_layout_shape_agrees_with_the_array_it_makes(layout, expected):
    np.testing.assert_array_equal(layout.apply(ARRAY), expected)
    assert layout.shape(ARRAY.shape) == expected.shape


def test_layout_squeezes_before_it_flips():
    layout = Layout(axes=(2, 3, 1, 0), squeezed=1, flipped=(0,))
    stored = ARRAY[..., None]
    expected = ARRAY.transpose(2, 1, 0)[::-1]
    np.testing.assert_array_equal(layout.apply(stored), expected)
    assert layout.shape(stored.shape) == expected.shape


@pytest.mark.parametrize(
    ("layout", "stored"),
    [
        (Layout(axes=(1, 0)), (2, 3, 4)),
        (Layout(squeezed=1), (2, 3, 4)),
        (Layout(squeezed=3), (2, 3, 4)),
    ],
)
def test_layout_of_an_array_that_does_not_fit_has_no_shape(layout, stored):
    assert layout.shape(stored) is None
