"""Winograd convolution against its float64 twin, the direct kernel, and exact fractions."""

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
from cnnfast._kernels.winograd import Winograd
from cnnfast._kernels.winograd_filters import filter_transform
from cnnfast.ops.winograd_costs import winograd_pays

LINEAR = ("linear", 0.0, np.inf, 0.0)


def fractions(text: str) -> tuple[tuple[Fraction, ...], ...]:
    """Read a matrix of fractions."""
    return tuple(tuple(map(Fraction, line.split())) for line in text.strip().splitlines())


# One-dimensional transforms for the points 0, +-3/4, +-3/2 and infinity.
INPUT_TRANSFORM = fractions("""
    81/64       0  -45/16       0  1  0
        0  -27/16    -9/4     3/4  1  0
        0   27/16    -9/4    -3/4  1  0
        0  -27/32   -9/16     3/2  1  0
        0   27/32   -9/16    -3/2  1  0
        0   81/64       0  -45/16  0  1
""")
OUTPUT_TRANSFORM = fractions("""
    1      1       1     1      1  0
    0    3/4    -3/4   3/2   -3/2  0
    0   9/16    9/16   9/4    9/4  0
    0  27/64  -27/64  27/8  -27/8  1
""")
EXACT_FILTER_TRANSFORM = fractions("""
       64/81       0      0
    -128/243  -32/81  -8/27
    -128/243   32/81  -8/27
      32/243   16/81   8/27
      32/243  -16/81   8/27
           0       0      1
""")
# The same points for 5 taps, by which a patch has two outputs along an axis.
OUTPUT_TRANSFORM_5 = fractions("""
    1      1       1     1      1  0
    0    3/4    -3/4   3/2   -3/2  1
""")
EXACT_FILTER_TRANSFORM_5 = fractions("""
       64/81       0      0     0     0
    -128/243  -32/81  -8/27  -2/9  -1/6
    -128/243   32/81  -8/27   2/9  -1/6
      32/243   16/81   8/27   4/9   2/3
      32/243  -16/81   8/27  -4/9   2/3
           0       0      0     0     1
""")
# By taps: what is done to filters, and to products.
TRANSFORMS = {
    3: (EXACT_FILTER_TRANSFORM, OUTPUT_TRANSFORM),
    5: (EXACT_FILTER_TRANSFORM_5, OUTPUT_TRANSFORM_5),
}
# Of tiles with at most two outputs: for the points 0, +-3/4 and infinity, and the same filters.
FEW_INPUT_TRANSFORM = fractions("""
    81/64       0    -9/4  0
        0  -81/64  -27/16  0
        0   81/64  -27/16  0
        0   -9/16       0  1
""")
FEW_OUTPUT_TRANSFORM = fractions("""
    1    1     1  0
    0  3/4  -3/4  1
""")
FEW_FILTER_TRANSFORM = (*EXACT_FILTER_TRANSFORM[:3], EXACT_FILTER_TRANSFORM[5])

# Roundings of one value on its way through both transforms: four in either direction of either
# transform, one of the packed weight, one of the bias.
TRANSFORM_ROUNDINGS = 18
# The rms error that the points are chosen for, over that of the direct sum.
MOST_RMS_ERROR = 3.0


class Case(NamedTuple):
    """One convolution: image, filters, and the border around the image."""

    image: tuple[int, int, int] = (8, 8, 3)
    filters: int = 4
    padding: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1))
    images: int = 2
    taps: int = 3

    def of(self, taps: int) -> Case:
        """Let as many taps along an axis give outputs of the same shape."""
        (top, bottom), (left, right) = self.padding
        more = (taps - self.taps) // 2
        padding = ((top + more, bottom + more), (left + more, right + more))
        return self._replace(taps=taps, padding=padding)

    def arrays(self):
        """Draw inputs, kernel and bias."""
        random = np.random.default_rng([*self.image, self.filters, self.images])
        return (
            random.standard_normal((self.images, *self.image), dtype=np.float32),
            random.standard_normal(
                (self.taps, self.taps, self.image[2], self.filters), dtype=np.float32
            ),
            random.standard_normal(self.filters, dtype=np.float32),
        )

    def prepare(self, kernel, bias, activation=LINEAR) -> Winograd:
        """Pack the filters."""
        (top, bottom), (left, right) = self.padding
        return Winograd(*self.image, kernel, bias, (top, bottom, left, right), activation)

    def outputs(self) -> np.ndarray:
        """Make memory that holds NaN where nothing is written."""
        H, W, _ = self.image
        (top, bottom), (left, right) = self.padding
        P, Q = H + top + bottom - self.taps + 1, W + left + right - self.taps + 1
        return np.full((self.images, P, Q, self.filters), np.nan, np.float32)


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
        np.abs(np.array(matrix, np.float64))
        for matrix in (TRANSFORMS[case.taps][0], INPUT_TRANSFORM, TRANSFORMS[case.taps][1])
    )
    N, P, Q, K = case.outputs().shape
    n, reach = len(A), case.taps - 1
    down, across = -(-P // n), -(-Q // n)
    padded = np.zeros((N, n * down + reach, n * across + reach, case.image[2]))
    bordered = reference.pad(inputs, case.padding)
    padded[:, : bordered.shape[1], : bordered.shape[2]] = bordered
    U = np.einsum("ir,rsck,js->ijck", G, kernel, G)
    tiles = np.zeros((N, n * down, n * across, K))
    for p, q in itertools.product(range(down), range(across)):
        patch = padded[:, n * p : n * p + 6, n * q : n * q + 6]
        V = np.einsum("ia,nabc,jb->nijc", B, patch, B, optimize=True)
        M = np.einsum("nijc,ijck->nijk", V, U, optimize=True)
        tiles[:, n * p : n * p + n, n * q : n * q + n] = np.einsum(
            "yi,nijk,xj->nyxk", A, M, A, optimize=True
        )
    return tiles[:, :P, :Q] + bias


def assert_matches_twin(case: Case) -> None:
    """Compare with the twin within the rounding of the transforms and the sum over channels."""
    inputs, kernel, bias = case.arrays()
    expected = reference.convolution(inputs, kernel, bias, padding=case.padding)
    bound = tolerances.float32_sum(case.image[2] + TRANSFORM_ROUNDINGS, magnitude(case))
    error = np.abs(run(case) - expected)
    assert error.shape == expected.shape
    assert (error <= bound).all(), error.max()


@pytest.fixture(params=[3, 5])
def taps(request) -> int:
    """Run a test for both sizes of filters."""
    return request.param


def test_transforms_make_a_convolution_in_exact_fractions(taps):
    G, A = TRANSFORMS[taps]
    for y, r, x in itertools.product(range(7 - taps), range(taps), range(6)):
        total = sum(A[y][i] * G[i][r] * INPUT_TRANSFORM[i][x] for i in range(6))
        assert total == (1 if x == y + r else 0)


def test_transforms_of_few_outputs_make_a_convolution_in_exact_fractions():
    for y, r, x in itertools.product(range(2), range(3), range(4)):
        total = sum(
            FEW_OUTPUT_TRANSFORM[y][i] * FEW_FILTER_TRANSFORM[i][r] * FEW_INPUT_TRANSFORM[i][x]
            for i in range(4)
        )
        assert total == (1 if x == y + r else 0)


@pytest.mark.parametrize(("place", "outputs"), [(5, 3), (3, 1)])
def test_an_odd_number_of_outputs_does_without_infinity(place, outputs):
    transform = OUTPUT_TRANSFORM if outputs == 3 else FEW_OUTPUT_TRANSFORM
    assert all(row[place] == 0 for row in transform[:outputs])
    assert OUTPUT_TRANSFORM_5[0][5] == 0


def test_transforms_of_the_data_are_exact_in_float32():
    for entry in itertools.chain(
        *INPUT_TRANSFORM, *OUTPUT_TRANSFORM, *FEW_INPUT_TRANSFORM, *FEW_OUTPUT_TRANSFORM,
        *OUTPUT_TRANSFORM_5,
    ):  # fmt: skip
        assert Fraction(float(np.float32(float(entry)))) == entry


def test_transform_of_the_filters_is_the_exact_one_rounded(taps):
    rounded = tuple(tuple(float(entry) for entry in row) for row in TRANSFORMS[taps][0])
    assert rounded == filter_transform(taps)


CASES = {
    "same": Case(),
    "valid": Case(padding=((0, 0), (0, 0))),
    "one output": Case(image=(3, 3, 1), filters=1, padding=((0, 0), (0, 0))),
    "one pixel": Case(image=(1, 1, 2)),
    "uneven padding": Case(image=(7, 9, 5), padding=((1, 0), (0, 2))),
    "padding wider than the image": Case(image=(2, 2, 3), padding=((9, 6), (10, 7))),
    "wide image": Case(image=(3, 41, 2)),
    "tall image": Case(image=(41, 3, 2)),
    "more tiles than a block": Case(image=(30, 31, 3), images=3),
    "several chunks of filters": Case(image=(6, 6, 3), filters=300),
    "channels that alias": Case(image=(5, 5, 512)),
    "large weights": Case(image=(7, 7, 512), filters=230, images=1),
    "empty batch": Case(images=0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_winograd_matches_the_twin(isa, case, taps):
    assert_matches_twin(case.of(taps))


@pytest.mark.parametrize("rows", range(1, 9))
@pytest.mark.parametrize("columns", range(1, 9))
def test_winograd_partial_tiles_match_the_twin(isa, rows, columns, taps):
    assert_matches_twin(Case(image=(rows, columns, 20), filters=40, images=3).of(taps))


def test_winograd_channels_around_the_vector_match_the_twin(isa, taps):
    lanes = dispatch.lanes()
    for channels in (1, lanes - 1, lanes, lanes + 1, 2 * lanes, 2 * lanes + 1):
        assert_matches_twin(Case(image=(5, 6, channels)).of(taps))


def test_winograd_filters_around_the_panel_match_the_twin(isa, taps):
    lanes = dispatch.lanes()
    for filters in (1, lanes - 1, lanes, lanes + 1, 2 * lanes - 1, 2 * lanes, 2 * lanes + 1):
        assert_matches_twin(Case(filters=filters).of(taps))


@pytest.mark.parametrize(("taps", "channels"), [(3, 32), (3, 128), (5, 16), (5, 128)])
def test_winograd_rms_error_is_at_most_three_times_the_direct_one(isa, channels, taps):
    random = np.random.default_rng(channels)
    inputs = np.maximum(random.standard_normal((2, 16, 16, channels), dtype=np.float32), 0)
    scale = np.float32(np.sqrt(2 / (taps**2 * channels)))
    kernel = scale * random.standard_normal((taps, taps, channels, 32), dtype=np.float32)
    border = (taps // 2,) * 4
    expected = reference.convolution(inputs, kernel, padding=(border[:2], border[2:]))
    found, direct = np.empty((2, *expected.shape), np.float32)
    Winograd(16, 16, channels, kernel, None, border, LINEAR).run(inputs, found, 1)
    Convolution(
        16, 16, channels, kernel, None, (1, 1), border, (1, 1), 1, LINEAR
    ).run(inputs, direct, 1)  # fmt: skip
    assert np.std(found - expected) <= MOST_RMS_ERROR * np.std(direct - expected)


@pytest.mark.parametrize("name", ["same", "uneven padding", "more tiles than a block"])
def test_winograd_threads_change_no_bit(isa, name, taps):
    case = CASES[name].of(taps)
    once = run(case, threads=1)
    for threads in (2, 7):
        np.testing.assert_array_equal(run(case, threads), once)


def test_winograd_blocks_of_other_images_change_no_bit(isa, taps):
    case = Case(image=(13, 14, 20), filters=40, images=5).of(taps)
    together = run(case)
    inputs, *_ = case.arrays()
    inputs, apart = inputs.copy(), case._replace(images=1)
    _, kernel, bias = case.arrays()
    for image in range(case.images):
        alone = apart.outputs()
        apart.prepare(kernel, bias).run(inputs[image : image + 1], alone, 1)
        np.testing.assert_array_equal(alone[0], together[image])


def test_winograd_pixels_left_out_change_no_bit_of_others(isa, taps):
    case = Case(image=(9, 13, 20), filters=40).of(taps)
    few = run(case._replace(padding=((taps // 2, -1), (taps // 2, -1))))
    np.testing.assert_array_equal(few, run(case)[:, : few.shape[1], : few.shape[2]])


def test_winograd_reads_nothing_outside_its_image(isa, taps):
    case = Case(image=(5, 7, 3), images=1).of(taps)
    inputs, kernel, bias = case.arrays()
    surrounded = np.full(inputs.size + 2000, np.nan, np.float32)
    surrounded[1000:-1000] = inputs.ravel()
    outputs = case.outputs()
    case.prepare(kernel, bias).run(surrounded[1000:-1000].reshape(inputs.shape), outputs, 1)
    np.testing.assert_array_equal(outputs, run(case))


def test_winograd_writes_nothing_outside_its_outputs(isa, taps):
    case = Case(image=(5, 6, 3), filters=5).of(taps)
    inputs, kernel, bias = case.arrays()
    expected = run(case)
    surrounded = np.full(expected.size + 2000, np.nan, np.float32)
    case.prepare(kernel, bias).run(inputs, surrounded[1000:-1000].reshape(expected.shape), 2)
    np.testing.assert_array_equal(surrounded[1000:-1000], expected.ravel())
    assert np.isnan(surrounded[:1000]).all()
    assert np.isnan(surrounded[-1000:]).all()


def test_winograd_without_bias_is_with_zeros(isa):
    case = CASES["same"]
    inputs, kernel, bias = case.arrays()
    without, zeros = case.outputs(), case.outputs()
    case.prepare(kernel, None).run(inputs, without, 1)
    case.prepare(kernel, np.zeros_like(bias)).run(inputs, zeros, 1)
    np.testing.assert_array_equal(without, zeros)


def test_winograd_clamps_in_the_epilogue(isa):
    outputs = run(CASES["uneven padding"], activation=("relu", 0.0, 2.0, 0.0))
    np.testing.assert_array_equal(outputs, np.clip(run(CASES["uneven padding"]), 0, 2))


@pytest.mark.parametrize("name", ["uneven padding", "more tiles than a block"])
def test_winograd_other_activations_follow_once(isa, name, taps):
    relu = run(CASES[name].of(taps), activation=("relu", 0.5, np.inf, 0.0), threads=3)
    linear = run(CASES[name].of(taps))
    np.testing.assert_array_equal(relu, np.where(linear < 0, linear * np.float32(0.5), linear))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_winograd_value_that_is_not_finite_stays_in_the_tiles_that_see_it(isa, value):
    case = Case(image=(16, 16, 3), images=1)
    inputs, *_ = case.arrays()
    inputs = inputs.copy()
    inputs[0, 6, 9, 1] = value  # inside the patch of the second row's third tile only
    outputs = run(case, inputs=inputs)
    with_zero = run(case)
    assert np.isnan(outputs[0, 4:8, 8:12]).all()
    outputs[0, 4:8, 8:12] = with_zero[0, 4:8, 8:12]
    np.testing.assert_array_equal(outputs, with_zero)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_winograd_of_5_taps_lets_what_is_not_finite_into_the_pixels_that_see_it(isa, value):
    case = Case(image=(16, 16, 3), images=1).of(5)
    inputs, *_ = case.arrays()
    inputs = inputs.copy()
    inputs[0, 6, 9, 1] = value  # an end of a tile's patch, which one of two outputs needs
    outputs = run(case, inputs=inputs)
    with_zero = run(case)
    assert not np.isfinite(outputs[0, 4:9, 7:12]).any()
    outputs[0, 4:9, 7:12] = with_zero[0, 4:9, 7:12]
    np.testing.assert_array_equal(outputs, with_zero)


def test_winograd_work_counts_the_direct_operations(isa, taps):
    case = Case(image=(8, 9, 3), filters=4).of(taps)
    _, kernel, bias = case.arrays()
    assert case.prepare(kernel, bias).work == 2 * 8 * 9 * 4 * taps**2 * 3


sizes = st.integers(1, 14)
borders = st.tuples(st.integers(1, 5), st.integers(1, 5))


@given(
    image=st.tuples(sizes, sizes, st.integers(1, 20)),
    filters=st.integers(1, 40),
    padding=st.tuples(borders, borders),
    images=st.integers(1, 3),
    width=st.sampled_from([3, 5]),
)
def test_winograd_of_any_geometry_matches_the_twin(isa, image, filters, padding, images, width):
    assert_matches_twin(Case(image, filters, padding, images).of(width))


def test_winograd_pays_where_a_network_spends_its_time(isa):
    for H, C, K in ((56, 64, 64), (28, 128, 128), (14, 256, 256), (32, 32, 32), (2, 64, 64)):
        assert winograd_pays(H, H, 3, C, K)
        assert winograd_pays(H, H, 5, C, K)


def test_winograd_pays_neither_for_few_channels_nor_for_one_pixel(isa):
    for H, C, K in ((32, 1, 32), (32, 3, 16), (1, 256, 256)):
        assert not winograd_pays(H, H, 3, C, K)
        assert not winograd_pays(H, H, 5, C, K)
