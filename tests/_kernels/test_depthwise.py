"""Depthwise convolution against its float64 twin: a convolution with a group for each channel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.depthwise import Depthwise

LINEAR = ("linear", 0.0, np.inf, 0.0)


class Case(NamedTuple):
    """One depthwise convolution: image, filters, and how they meet."""

    image: tuple[int, int, int] = (6, 7, 3)
    window: tuple[int, int] = (3, 3)
    multiplier: int = 1
    strides: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))
    dilation: tuple[int, int] = (1, 1)
    images: int = 2

    def arrays(self):
        """Draw inputs, kernel and bias."""
        random = np.random.default_rng(list(np.ravel([*self.image, *self.window])))
        *_, C = self.image
        return (
            random.standard_normal((self.images, *self.image), dtype=np.float32),
            random.standard_normal((*self.window, C, self.multiplier), dtype=np.float32),
            random.standard_normal(C * self.multiplier, dtype=np.float32),
        )

    def twin(self, function) -> np.ndarray:
        """Evaluate a function of the reference on this case."""
        inputs, kernel, bias = self.arrays()
        *_, C = self.image
        return function(
            inputs, kernel.reshape(*self.window, 1, -1), bias, strides=self.strides,
            padding=self.padding, dilation=self.dilation, groups=C,
        )  # fmt: skip


def run(case: Case, threads: int = 1, activation=LINEAR, bias: bool = True) -> np.ndarray:
    """Convolve, into memory that holds NaN where nothing is written."""
    inputs, kernel, biases = case.arrays()
    (top, bottom), (left, right) = case.padding
    prepared = Depthwise(
        *case.image, kernel, biases if bias else None, case.strides, (top, bottom, left, right),
        case.dilation, activation,
    )  # fmt: skip
    outputs = np.full(case.twin(reference.convolution).shape, np.nan, np.float32)
    prepared.run(inputs, outputs, threads)
    return outputs


def assert_matches_twin(case: Case) -> None:
    """Compare with the twin within the rounding of a dot product."""
    magnitude = case.twin(reference.convolution_magnitude)
    error = np.abs(run(case) - case.twin(reference.convolution))
    bound = tolerances.float32_dot(int(np.prod(case.window)), magnitude)
    assert (error <= bound).all(), error.max()


SAME3 = ((1, 1), (1, 1))
SAME5 = ((2, 2), (2, 2))

CASES = {
    "plain": Case(),
    "one pixel": Case(image=(1, 1, 1), window=(1, 1)),
    "same": Case(image=(9, 11, 20), padding=SAME3),
    "even height": Case(image=(8, 10, 33), padding=SAME3),
    "uneven padding": Case(window=(2, 4), padding=((0, 1), (1, 2))),
    "padding wider than the image": Case(image=(2, 2, 19), padding=((4, 5), (3, 6))),
    "window wider than the image": Case(image=(3, 2, 17), window=(5, 7), padding=((2, 2), (3, 3))),
    "strides": Case(image=(11, 13, 21), strides=(2, 3), padding=SAME3),
    "strides of two": Case(image=(12, 15, 32), strides=(2, 2), padding=((0, 1), (0, 1))),
    "strides along rows": Case(image=(12, 19, 16), strides=(1, 2), padding=SAME3),
    "stride leaves a rest": Case(image=(8, 8, 2), window=(2, 2), strides=(3, 3)),
    "stride beyond the window": Case(image=(9, 9, 16), window=(1, 1), strides=(3, 2)),
    "five by five": Case(image=(9, 13, 24), window=(5, 5), padding=SAME5),
    "five by five, strided": Case(image=(9, 14, 24), window=(5, 5), strides=(2, 2), padding=SAME5),
    "seven by seven": Case(image=(9, 12, 18), window=(7, 7), padding=((3, 3), (3, 3))),
    "dilation": Case(image=(12, 13, 17), dilation=(2, 3), padding=((2, 2), (3, 3))),
    "dilation meets strides": Case(image=(13, 12, 17), dilation=(2, 2), strides=(2, 2),
                                   padding=((2, 2), (2, 2))),
    "dilation beyond the image": Case(image=(3, 3, 16), dilation=(5, 4), padding=((5, 5), (4, 4))),
    "multiplier": Case(image=(5, 6, 5), multiplier=3),
    "multiplier, same": Case(image=(7, 9, 12), multiplier=2, strides=(2, 1), padding=SAME3),
    "multiplier of one channel": Case(image=(7, 9, 1), multiplier=33, padding=SAME5),
    "multiplier in many strips": Case(image=(40, 50, 20), multiplier=4, padding=SAME3, images=1),
    "more rows than a strip": Case(image=(60, 40, 64), padding=SAME3, images=1),
    "row longer than a strip": Case(image=(4, 1100, 64), padding=SAME3, images=1),
    "sequence": Case(image=(1, 50, 20), window=(1, 5)),
    "causal sequence": Case(image=(1, 20, 4), window=(1, 3), padding=((0, 0), (4, 0)),
                            dilation=(1, 2)),
    "long window": Case(image=(1, 40, 3), window=(1, 31), padding=((0, 0), (15, 15))),
    "empty batch": Case(images=0),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_depthwise_matches_the_twin(isa, case):
    assert_matches_twin(case)


@pytest.mark.parametrize("window", [(3, 3), (5, 5), (1, 3), (1, 4)], ids=str)
@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_any_number_of_pixels_around_the_tile_matches_the_twin(isa, window, stride):
    for pixels in range(1, 10):
        image = (window[0] + 1, window[1] + stride * (pixels - 1), dispatch.lanes() + 1)
        assert_matches_twin(Case(image, window, strides=(1, stride)))


@pytest.mark.parametrize("multiplier", [1, 2, 3])
def test_depthwise_channels_around_the_vector_match_the_twin(isa, multiplier):
    lanes = dispatch.lanes()
    for channels in (1, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1):
        assert_matches_twin(Case((5, 9, channels), multiplier=multiplier, padding=SAME3))


@pytest.mark.parametrize(
    "name", ["same", "strides of two", "five by five", "multiplier in many strips", "sequence"]
)
def test_depthwise_threads_change_no_bit(isa, name):
    once = run(CASES[name], threads=1)
    for threads in (2, 7):
        np.testing.assert_array_equal(run(CASES[name], threads), once)


def test_depthwise_row_by_row_changes_no_bit(isa):
    case = CASES["even height"]
    inputs, kernel, bias = case.arrays()
    H, W, C = case.image
    rows = []
    for p in range(H):
        image = np.ascontiguousarray(inputs[:, max(p - 1, 0) : p + 2])
        border = (int(p == 0), int(p == H - 1), 1, 1)
        one = Depthwise(image.shape[1], W, C, kernel, bias, (1, 1), border, (1, 1), LINEAR)
        row = np.empty((len(inputs), 1, W, C), np.float32)
        one.run(image, row, 1)
        rows.append(row)
    np.testing.assert_array_equal(np.concatenate(rows, axis=1), run(case))


def test_depthwise_without_bias_starts_from_zero(isa):
    *_, bias = CASES["same"].arrays()
    difference = run(CASES["same"]) - run(CASES["same"], bias=False) - bias
    magnitude = CASES["same"].twin(reference.convolution_magnitude)
    assert (np.abs(difference) <= 2 * tolerances.float32_dot(9, magnitude)).all()


def test_depthwise_clamps_in_the_epilogue(isa):
    outputs = run(CASES["same"], activation=("relu", 0.0, 2.0, 0.0))
    np.testing.assert_array_equal(outputs, np.clip(run(CASES["same"]), 0, 2))


def test_depthwise_other_activations_follow(isa):
    relu = run(CASES["same"], activation=("relu", 0.5, np.inf, 0.0))
    linear = run(CASES["same"])
    np.testing.assert_array_equal(relu, np.where(linear < 0, linear * np.float32(0.5), linear))


sizes = st.integers(1, 12)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
borders = st.tuples(st.integers(0, 5), st.integers(0, 5))


@given(
    image=st.tuples(sizes, sizes, st.integers(1, 40)),
    window=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    multiplier=st.integers(1, 3),
    strides=pairs,
    padding=st.tuples(borders, borders),
    dilation=pairs,
)
def test_depthwise_of_any_geometry_matches_the_twin(
    isa, image, window, multiplier, strides, padding, dilation
):
    H, W, C = image
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    fitting = (max(H, reach[0]), max(W, reach[1]), C)
    assert_matches_twin(Case(fitting, window, multiplier, strides, padding, dilation))
