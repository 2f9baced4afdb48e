"""Convolution against its float64 twin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.conv import Convolution

LINEAR = ("linear", 0.0, np.inf, 0.0)


class Case(NamedTuple):
    """One convolution: image, filters, and how they meet."""

    image: tuple[int, int, int] = (6, 7, 3)
    window: tuple[int, int] = (3, 3)
    filters: int = 4
    strides: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    images: int = 2

    def arrays(self):
        """Draw inputs, kernel and bias."""
        random = np.random.default_rng(list(np.ravel([*self.image, *self.window, self.filters])))
        *_, C = self.image
        return (
            random.standard_normal((self.images, *self.image), dtype=np.float32),
            random.standard_normal(
                (*self.window, C // self.groups, self.filters), dtype=np.float32
            ),
            random.standard_normal(self.filters, dtype=np.float32),
        )

    def options(self):
        """Name how the filters meet the image, as the twin takes it."""
        return {
            "strides": self.strides,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }


def run(case: Case, threads: int = 1, activation=LINEAR) -> np.ndarray:
    """Convolve, into memory that holds NaN where nothing is written."""
    inputs, kernel, bias = case.arrays()
    (top, bottom), (left, right) = case.padding
    prepared = Convolution(
        *case.image, kernel, bias, case.strides, (top, bottom, left, right), case.dilation,
        case.groups, activation,
    )  # fmt: skip
    shape = reference.convolution(inputs, kernel, bias, **case.options()).shape
    outputs = np.full(shape, np.nan, np.float32)
    prepared.run(inputs, outputs, threads)
    return outputs


def assert_matches_twin(case: Case) -> None:
    """Compare with the twin within the rounding of a dot product."""
    inputs, kernel, bias = case.arrays()
    expected = reference.convolution(inputs, kernel, bias, **case.options())
    magnitude = reference.convolution_magnitude(inputs, kernel, bias, **case.options())
    length = int(np.prod(kernel.shape[:3]))
    error = np.abs(run(case) - expected)
    assert (error <= tolerances.float32_dot(length, magnitude)).all(), error.max()


SAME3 = ((1, 1), (1, 1))

CASES = {
    "plain": Case(),
    "one pixel": Case(image=(1, 1, 1), window=(1, 1), filters=1),
    "same": Case(padding=SAME3),
    "uneven padding": Case(window=(2, 4), padding=((0, 1), (1, 2))),
    "padding wider than the image": Case(image=(2, 2, 3), padding=((4, 5), (3, 6))),
    "only padding is seen": Case(image=(2, 1, 33), window=(2, 1), strides=(4, 5),
                                 padding=((1, 1), (2, 0)), dilation=(3, 2)),
    "strides": Case(image=(11, 13, 3), strides=(2, 3), padding=SAME3),
    "stride leaves a rest": Case(image=(8, 8, 2), window=(2, 2), strides=(3, 3)),
    "dilation": Case(image=(12, 13, 3), dilation=(2, 3), padding=SAME3),
    "dilated rows only": Case(image=(9, 9, 3), dilation=(2, 1)),
    "groups": Case(image=(5, 6, 6), filters=9, groups=3, padding=SAME3),
    "depthwise by groups": Case(image=(5, 6, 5), filters=10, groups=5),
    "channels that alias": Case(image=(4, 5, 512), filters=33),
    "channels that alias, bordered": Case(image=(4, 5, 512), padding=SAME3),
    "strided pixels that alias": Case(image=(6, 9, 256), strides=(2, 2)),
    "grouped channels that alias": Case(image=(4, 5, 512), filters=8, groups=4),
    "sequence": Case(image=(1, 50, 1), window=(1, 5), filters=16),
    "causal sequence": Case(image=(1, 20, 4), window=(1, 3), padding=((0, 0), (4, 0)),
                            dilation=(1, 2)),
    "long window": Case(image=(1, 40, 3), window=(1, 31)),
    "more rows than a strip": Case(image=(60, 40, 64), padding=SAME3, images=1),
    "empty batch": Case(images=0),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_convolution_matches_the_twin(isa, case):
    assert_matches_twin(case)


def test_convolution_widths_around_the_tile_match_the_twin(isa):
    rows = dispatch.gemm_rows()
    for width in (rows - 1, rows, rows + 1, 2 * rows, 2 * rows + 1, 29):
        assert_matches_twin(Case(image=(3, width + 2, 2)))


def test_convolution_filters_around_the_panel_match_the_twin(isa):
    lanes = dispatch.lanes()
    for filters in (1, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1):
        assert_matches_twin(Case(filters=filters))


@pytest.mark.parametrize("name", ["same", "strides", "groups", "channels that alias, bordered"])
def test_convolution_threads_change_no_bit(isa, name):
    once = run(CASES[name], threads=1)
    for threads in (2, 7):
        np.testing.assert_array_equal(run(CASES[name], threads), once)


def test_convolution_clamps_in_the_epilogue(isa):
    outputs = run(CASES["same"], activation=("relu", 0.0, 2.0, 0.0))
    np.testing.assert_array_equal(outputs, np.clip(run(CASES["same"]), 0, 2))


def test_convolution_other_activations_follow(isa):
    relu = run(CASES["same"], activation=("relu", 0.5, np.inf, 0.0))
    linear = run(CASES["same"])
    np.testing.assert_array_equal(relu, np.where(linear < 0, linear * np.float32(0.5), linear))


sizes = st.integers(1, 9)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
borders = st.tuples(st.integers(0, 3), st.integers(0, 3))


@given(
    image=st.tuples(sizes, sizes, st.integers(1, 5)),
    window=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    filters=st.integers(1, 20),
    strides=pairs,
    padding=st.tuples(borders, borders),
    dilation=pairs,
    groups=st.integers(1, 3),
)
def test_convolution_of_any_geometry_matches_the_twin(
    isa, image, window, filters, strides, padding, dilation, groups
):
    H, W, C = image
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    fitting = (max(H, reach[0]), max(W, reach[1]), C * groups)
    assert_matches_twin(Case(fitting, window, filters * groups, strides, padding, dilation, groups))
