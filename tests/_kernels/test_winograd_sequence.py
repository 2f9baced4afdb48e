"""Winograd convolution along rows against its float64 twin, the direct kernel, and fractions."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.conv import Convolution
from cnnfast._kernels.winograd_sequence import WinogradSequence
from cnnfast.ops.winograd_costs import sequence_pays, sequence_products
from sequencetransforms import FILTER_TRANSFORM, INPUT_TRANSFORM, OUTPUT_TRANSFORM, doubles

LINEAR = ("linear", 0.0, np.inf, 0.0)

# Roundings of one value on its way through both transforms: three of an input, its packed weight,
# four of an output, its bias and an addend.
TRANSFORM_ROUNDINGS = 10
# The rms error that the points are chosen for, over that of the direct sum.
MOST_RMS_ERROR = 3.0
# How much an estimate of it from the outputs at one of four places may be off.
SPREAD = 0.25


class Case(NamedTuple):
    """One convolution: image, taps, filters, border on either side, dilation."""

    image: tuple[int, int, int] = (1, 20, 3)
    taps: int = 7
    filters: int = 4
    padding: tuple[int, int] = (3, 3)
    dilation: int = 1
    images: int = 2

    def arrays(self):
        """Draw inputs, kernel and bias."""
        random = np.random.default_rng([*self.image, self.taps, self.filters, self.images])
        return (
            random.standard_normal((self.images, *self.image), dtype=np.float32),
            random.standard_normal((1, self.taps, self.image[2], self.filters), dtype=np.float32),
            random.standard_normal(self.filters, dtype=np.float32),
        )

    def prepare(self, kernel, bias, activation=LINEAR, adds=False) -> WinogradSequence:
        """Pack the filters."""
        return WinogradSequence(
            *self.image, kernel, bias, self.padding, self.dilation, activation, adds
        )

    def outputs(self) -> np.ndarray:
        """Make memory that holds NaN where nothing is written."""
        H, W, _ = self.image
        columns = W + sum(self.padding) - (self.taps - 1) * self.dilation
        return np.full((self.images, H, columns, self.filters), np.nan, np.float32)


def run(case: Case, threads: int = 1, activation=LINEAR, inputs=None) -> np.ndarray:
    """Convolve a case's own inputs, or others."""
    own, kernel, bias = case.arrays()
    outputs = case.outputs()
    prepared = case.prepare(kernel, bias, activation)
    prepared.run(own if inputs is None else inputs, outputs, threads)
    return outputs


def magnitude(case: Case) -> np.ndarray:
    """Carry absolute values through the transforms: the scale of their rounding errors."""
    inputs, kernel, bias = (np.abs(array).astype(np.float64) for array in case.arrays())
    G, B, A = (
        np.abs(doubles(matrix)) for matrix in (FILTER_TRANSFORM, INPUT_TRANSFORM, OUTPUT_TRANSFORM)
    )
    outputs = case.outputs()
    groups = -(-case.taps // 4)
    front = (4 * groups - case.taps) // 2
    taps = np.zeros((4 * groups, *kernel.shape[2:]))
    taps[front : front + case.taps] = kernel[0]
    U = np.einsum("ji,gick->gjck", G, taps.reshape(groups, 4, *kernel.shape[2:]))
    columns, reach = outputs.shape[2], (4 * groups + 6) * case.dilation
    left = case.padding[0] + front * case.dilation
    padded = np.zeros((*inputs.shape[:2], left + columns + reach + case.image[1], case.image[2]))
    padded[:, :, left : left + case.image[1]] = inputs
    found = np.zeros((*outputs.shape[:2], columns + reach, case.filters))
    for phase, first in itertools.product(range(case.dilation), range(0, columns, 4)):
        begin = phase + first * case.dilation
        if begin >= columns:
            continue
        M = 0.0
        for group in range(groups):
            at = begin + 4 * group * case.dilation
            d = padded[:, :, at : at + 7 * case.dilation : case.dilation]
            M = M + np.einsum("ji,nhic,jck->nhjk", B, d, U[group], optimize=True)
        tile = np.einsum("yj,nhjk->nhyk", A, M)
        found[:, :, begin : begin + 4 * case.dilation : case.dilation] = tile
    return found[:, :, :columns] + bias


def assert_matches_twin(case: Case) -> None:
    """Compare with the twin within the rounding of the transforms and the sum over channels."""
    inputs, kernel, bias = case.arrays()
    expected = reference.convolution(
        inputs, kernel, bias, padding=((0, 0), case.padding), dilation=(1, case.dilation)
    )
    length = -(-case.taps // 4) * case.image[2]
    bound = tolerances.float32_sum(length + TRANSFORM_ROUNDINGS, magnitude(case))
    error = np.abs(run(case) - expected)
    assert error.shape == expected.shape
    assert (error <= bound).all(), error.max()


def test_transforms_make_a_convolution_in_exact_fractions():
    for y, r, x in itertools.product(range(4), range(4), range(7)):
        total = sum(
            OUTPUT_TRANSFORM[y][i] * FILTER_TRANSFORM[i][r] * INPUT_TRANSFORM[i][x]
            for i in range(7)
        )
        assert total == (1 if x == y + r else 0)


def test_transforms_of_the_data_are_exact_in_float32():
    for entry in itertools.chain(*INPUT_TRANSFORM, *OUTPUT_TRANSFORM):
        assert Fraction(float(np.float32(float(entry)))) == entry


CASES = {
    "same": Case(),
    "valid": Case(padding=(0, 0)),
    "causal": Case(padding=(6, 0)),
    "one output": Case(image=(1, 7, 1), filters=1, padding=(0, 0)),
    "one pixel": Case(image=(1, 1, 2)),
    "rows of an image": Case(image=(5, 9, 3)),
    "dilated": Case(image=(1, 50, 3), taps=3, padding=(16, 0), dilation=8),
    "dilated rows": Case(image=(3, 17, 3), taps=4, padding=(2, 5), dilation=3),
    "dilation wider than the outputs": Case(image=(1, 3, 2), taps=3, padding=(9, 10), dilation=10),
    "padding wider than the image": Case(image=(2, 2, 3), padding=(19, 26)),
    "pieces of a sequence": Case(image=(1, 500, 3), images=1),
    "more sequences than a block": Case(image=(1, 30, 3), images=40),
    "many short sequences": Case(image=(1, 2, 3), taps=9, padding=(4, 4), images=130),
    "several chunks of filters": Case(image=(1, 6, 3), filters=300),
    "channels that alias": Case(image=(1, 9, 512)),
    "large weights": Case(image=(1, 250, 512), taps=8, padding=(4, 3), filters=600, images=1),
    "empty batch": Case(images=0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_winograd_sequence_matches_the_twin(isa, case):
    assert_matches_twin(case)


@pytest.mark.parametrize("taps", range(1, 18))
def test_winograd_sequence_of_any_taps_matches_the_twin(isa, taps):
    for columns in (*range(1, 10), 57):
        case = Case((1, columns, 5), taps, 3, (taps // 2, taps - 1 - taps // 2))
        assert_matches_twin(case)


def test_winograd_sequence_channels_around_the_vector_match_the_twin(isa):
    lanes = dispatch.lanes()
    for channels in (1, lanes - 1, lanes, lanes + 1, 2 * lanes, 2 * lanes + 1):
        assert_matches_twin(Case(image=(1, 9, channels)))


def test_winograd_sequence_filters_around_the_panel_match_the_twin(isa):
    lanes = dispatch.lanes()
    for filters in (1, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1):
        assert_matches_twin(Case(filters=filters))


@pytest.mark.parametrize("channels", [32, 128])
@pytest.mark.parametrize("taps", [3, 4, 5, 7, 9])
def test_winograd_sequence_rms_error_is_at_most_three_times_the_direct_one(isa, channels, taps):
    random = np.random.default_rng([channels, taps])
    inputs = random.standard_normal((8, 1, 95 + taps, channels), dtype=np.float32)
    inputs = np.maximum(inputs, 0)
    scale = np.float32(np.sqrt(2 / (taps * channels)))
    kernel = scale * random.standard_normal((1, taps, channels, 32), dtype=np.float32)
    expected = reference.convolution(inputs, kernel)
    found, direct = np.empty((2, *expected.shape), np.float32)
    image = inputs.shape[1:]
    WinogradSequence(*image, kernel, None, (0, 0), 1, LINEAR).run(inputs, found, 1)
    Convolution(
        *image, kernel, None, (1, 1), (0, 0, 0, 0), (1, 1), 1, LINEAR
    ).run(inputs, direct, 1)  # fmt: skip
    assert np.std(found - expected) <= MOST_RMS_ERROR * np.std(direct - expected)
    for place in range(4):
        error = (found - expected)[:, :, place::4]
        assert np.std(error) <= (MOST_RMS_ERROR + SPREAD) * np.std(direct - expected)


@pytest.mark.parametrize("name", ["same", "dilated", "more sequences than a block"])
def test_winograd_sequence_threads_change_no_bit(isa, name):
    once = run(CASES[name], threads=1)
    for threads in (2, 7):
        np.testing.assert_array_equal(run(CASES[name], threads), once)


@pytest.mark.parametrize("columns", [13, 100, 301])
def test_winograd_sequence_blocks_of_other_images_change_no_bit(isa, columns):
    case = Case(image=(1, columns, 20), filters=40, images=5)
    together = run(case)
    inputs, kernel, bias = case.arrays()
    apart = case._replace(images=1)
    for image in range(case.images):
        alone = apart.outputs()
        apart.prepare(kernel, bias).run(inputs[image : image + 1], alone, 1)
        np.testing.assert_array_equal(alone[0], together[image])


def test_winograd_sequence_reads_nothing_outside_its_image(isa):
    case = Case(image=(2, 7, 3), images=1)
    inputs, kernel, bias = case.arrays()
    surrounded = np.full(inputs.size + 2000, np.nan, np.float32)
    surrounded[1000:-1000] = inputs.ravel()
    outputs = case.outputs()
    case.prepare(kernel, bias).run(surrounded[1000:-1000].reshape(inputs.shape), outputs, 1)
    np.testing.assert_array_equal(outputs, run(case))


def test_winograd_sequence_writes_nothing_outside_its_outputs(isa):
    case = Case(image=(1, 10, 3), filters=5, dilation=2)
    inputs, kernel, bias = case.arrays()
    expected = run(case)
    surrounded = np.full(expected.size + 2000, np.nan, np.float32)
    case.prepare(kernel, bias).run(inputs, surrounded[1000:-1000].reshape(expected.shape), 2)
    np.testing.assert_array_equal(surrounded[1000:-1000], expected.ravel())
    assert np.isnan(surrounded[:1000]).all()
    assert np.isnan(surrounded[-1000:]).all()


def test_winograd_sequence_without_bias_is_with_zeros(isa):
    case = CASES["same"]
    inputs, kernel, bias = case.arrays()
    without, zeros = case.outputs(), case.outputs()
    case.prepare(kernel, None).run(inputs, without, 1)
    case.prepare(kernel, np.zeros_like(bias)).run(inputs, zeros, 1)
    np.testing.assert_array_equal(without, zeros)


@pytest.mark.parametrize("name", ["causal", "dilated rows", "several chunks of filters"])
def test_winograd_sequence_adds_before_it_clamps(isa, name):
    case = CASES[name]
    inputs, kernel, bias = case.arrays()
    linear, found = run(case), case.outputs()
    addend = np.random.default_rng(1).standard_normal(linear.shape, dtype=np.float32)
    relu = ("relu", 0.0, 2.0, 0.0)
    case.prepare(kernel, bias, relu, adds=True).run(inputs, found, 2, addend)
    np.testing.assert_array_equal(found, np.clip(linear + addend, 0, 2))


@pytest.mark.parametrize("name", ["same", "dilated", "several chunks of filters"])
def test_winograd_sequence_other_activations_follow_once(isa, name):
    relu = run(CASES[name], activation=("relu", 0.5, np.inf, 0.0), threads=3)
    linear = run(CASES[name])
    np.testing.assert_array_equal(relu, np.where(linear < 0, linear * np.float32(0.5), linear))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_winograd_sequence_value_that_is_not_finite_stays_in_the_tiles_that_see_it(isa, value):
    case = Case(image=(1, 40, 3), taps=4, padding=(0, 0), images=2)
    inputs = case.arrays()[0].copy()
    inputs[0, 0, 19, 1] = value  # the last of the taps of output 16 and the first of output 19
    outputs, with_zero = run(case, inputs=inputs), run(case)
    assert np.isnan(outputs[0, 0, 16:20]).all()
    outputs[0, 0, 16:20] = with_zero[0, 0, 16:20]
    np.testing.assert_array_equal(outputs, with_zero)


def test_winograd_sequence_work_counts_the_direct_operations(isa):
    case = Case(image=(2, 9, 3), taps=7, filters=4)
    _, kernel, bias = case.arrays()
    assert case.prepare(kernel, bias).work == 2 * 2 * 9 * 4 * 7 * 3


@given(
    image=st.tuples(st.integers(1, 3), st.integers(1, 40), st.integers(1, 20)),
    taps=st.integers(1, 12),
    filters=st.integers(1, 40),
    border=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    dilation=st.integers(1, 4),
    images=st.integers(1, 3),
)
def test_winograd_sequence_of_any_geometry_matches_the_twin(
    isa, image, taps, filters, border, dilation, images
):
    padding = (border[0] + (taps - 1) * dilation, border[1])
    assert_matches_twin(Case(image, taps, filters, padding, dilation, images))


def test_products_are_those_of_all_groups_without_a_last_tap_that_is_none():
    found = [sequence_products(taps) for taps in range(2, 13)]
    assert found == [6, 6, 7, 13, 13, 13, 14, 20, 20, 20, 21]


def test_winograd_sequence_pays_where_a_network_spends_its_time(isa):
    for Q, S, C, K in ((94, 7, 128, 32), (250, 3, 64, 64), (14, 3, 256, 256), (12, 7, 32, 32)):
        assert sequence_pays(Q, S, C, K, 1)
    assert sequence_pays(250, 3, 64, 64, 8)


def test_winograd_sequence_pays_neither_for_few_channels_nor_for_few_outputs(isa):
    for Q, S, C, K in ((100, 3, 4, 16), (1, 7, 128, 128), (2, 9, 64, 64), (100, 1, 64, 64)):
        assert not sequence_pays(Q, S, C, K, 1)
