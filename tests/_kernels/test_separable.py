"""Depthwise convolution between two matrix products, against its float64 twin and its parts."""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
import tolerances
from cnnfast._kernels import dispatch
from cnnfast._kernels.dense import Dense
from cnnfast._kernels.depthwise import Depthwise
from cnnfast._kernels.separable import Separable

LINEAR = ("linear", 0.0, np.inf, 0.0)
RELU6 = ("relu", 0.0, 6.0, 0.0)
SILU = ("silu", 0.0, 0.0, 0.0)


class Case(NamedTuple):
    """One chain; E or K is 0 where the product before or behind is left out."""

    image: tuple[int, int, int] = (8, 9, 5)
    E: int = 20
    K: int = 7
    window: tuple[int, int] = (3, 3)
    strides: tuple[int, int] = (1, 1)
    padding: tuple[tuple[int, int], tuple[int, int]] = ((1, 1), (1, 1))
    dilation: tuple[int, int] = (1, 1)
    multiplier: int = 1
    images: int = 2

    @property
    def options(self):
        """What the depthwise convolution's twin is told."""
        return {
            "strides": self.strides, "padding": self.padding, "dilation": self.dilation,
            "groups": self.E or self.image[2],
        }  # fmt: skip

    def arrays(self):
        """Draw the input, and (kernel, bias) of the three parts, None where one is left out."""
        random = np.random.default_rng([*self.image, self.E, self.K])
        C = self.image[2]
        depth = self.E or C
        shapes = [
            (C, self.E) if self.E else None,
            (*self.window, depth, self.multiplier),
            (depth * self.multiplier, self.K) if self.K else None,
        ]
        x = random.standard_normal((self.images, *self.image), dtype=np.float32)
        return x, *(shape and weights(random, shape) for shape in shapes)

    def depthwise(self, kernel, bias, activation):
        """Return what `Depthwise` takes behind the image's shape."""
        (top, bottom), (left, right) = self.padding
        return kernel, bias, self.strides, (top, bottom, left, right), self.dilation, activation


def weights(random: np.random.Generator, shape: tuple[int, ...]):
    columns = shape[-1] if len(shape) == 2 else shape[-1] * shape[-2]
    kernel = random.standard_normal(shape, dtype=np.float32)
    return kernel, random.standard_normal(columns, dtype=np.float32)


def run(case: Case, threads: int = 1, inner=RELU6) -> np.ndarray:
    """Do all at once, into memory that holds NaN where nothing is written."""
    x, expansion, (kernel, bias), projection = case.arrays()
    depthwise = case.depthwise(kernel, bias, RELU6)
    expected = twin(case)[0]
    _, P, Q, K = expected.shape
    separable = Separable(
        *case.image, expansion and (*expansion, inner), depthwise,
        projection and Dense(P * Q, *projection, LINEAR), K,
    )  # fmt: skip
    outputs = np.full(expected.shape, np.nan, np.float32)
    separable.run(x, outputs, threads)
    return outputs


def one_by_one(case: Case, inner=RELU6) -> np.ndarray:
    """Do each part with its own kernel."""
    x, expansion, (kernel, bias), projection = case.arrays()
    N, (H, W, C) = case.images, case.image
    if expansion:
        C, pixels = case.E, np.ascontiguousarray(x.reshape(-1, C))
        x = np.empty((N, H, W, C), np.float32)
        Dense(H * W, *expansion, inner).run(pixels, x.reshape(-1, C), 1)
    *_, P, Q, K = twin(case)[0].shape
    d = np.empty((N, P, Q, C * case.multiplier), np.float32)
    Depthwise(H, W, C, *case.depthwise(kernel, bias, RELU6)).run(x, d, 1)
    if not projection:
        return d
    y = np.empty((N, P, Q, K), np.float32)
    pixels = d.reshape(N * P * Q, d.shape[-1])
    Dense(P * Q, *projection, LINEAR).run(pixels, y.reshape(-1, K), 1)
    return y


@cache
def twin(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Evaluate in float64, and bound the error that each part makes and hands on."""
    x, expansion, (kernel, bias), projection = case.arrays()
    flat = kernel.reshape(*case.window, 1, -1)
    value, error = np.asarray(x, np.float64), np.zeros(x.shape)
    if expansion:
        error = tolerances.float32_dot(case.image[2], reference.dense_magnitude(value, *expansion))
        value = np.clip(reference.dense(value, *expansion), 0, 6)
    handed = reference.convolution(error, np.abs(flat), **case.options)
    magnitude = reference.convolution_magnitude(value, flat, bias, **case.options)
    error = handed + tolerances.float32_dot(int(np.prod(case.window)), magnitude)
    value = np.clip(reference.convolution(value, flat, bias, **case.options), 0, 6)
    if projection:
        handed = error @ np.abs(projection[0])
        magnitude = reference.dense_magnitude(value, *projection)
        error = handed + tolerances.float32_dot(len(projection[0]), magnitude)
        value = reference.dense(value, *projection)
    return value, error


def assert_matches_twin(case: Case) -> None:
    """Compare with the twin, and bit by bit with the parts."""
    expected, bound = twin(case)
    found = run(case)
    assert (np.abs(found - expected) <= bound).all()
    np.testing.assert_array_equal(found, one_by_one(case))


CASES = {
    "plain": Case(),
    "one pixel": Case(image=(1, 1, 1), E=1, K=1, window=(1, 1), padding=((0, 0), (0, 0))),
    "no border": Case(padding=((0, 0), (0, 0))),
    "strides": Case(image=(11, 14, 6), strides=(2, 2), padding=((0, 1), (0, 1))),
    "uneven strides": Case(image=(11, 13, 6), strides=(1, 3)),
    "stride beyond the window": Case(image=(11, 13, 6), strides=(4, 5)),
    "stride leaves a rest": Case(image=(12, 12, 4), strides=(3, 3), padding=((0, 0), (0, 0))),
    "five by five": Case(image=(9, 12, 4), E=33, window=(5, 5), padding=((2, 2), (2, 2))),
    "dilation": Case(image=(9, 11, 3), dilation=(2, 3), padding=((2, 2), (3, 3))),
    "padding wider than the image": Case(image=(2, 3, 3), padding=((4, 5), (3, 6))),
    "windows of padding alone": Case(image=(2, 2, 3), padding=((7, 7), (7, 7))),
    "multiplier": Case(multiplier=3),
    "no expansion": Case(E=0, image=(8, 9, 21)),
    "no projection": Case(K=0),
    "depthwise alone": Case(E=0, K=0),
    "no expansion, multiplier": Case(E=0, multiplier=2, strides=(2, 1)),
    "many strips": Case(image=(60, 40, 16), E=96, K=24, images=1),
    "many strips, strides": Case(image=(61, 50, 16), E=96, K=24, strides=(2, 2), images=1),
    "many strips, no overlap": Case(image=(80, 50, 16), E=96, K=0, strides=(4, 4), images=1),
    "many strips, no expansion": Case(image=(60, 50, 96), E=0, K=24, images=1),
    "row longer than a strip": Case(image=(4, 180, 3), E=200, K=5, images=1),
    "aliased rows": Case(image=(6, 5, 512), E=0, K=9),
    "sequence": Case(image=(1, 50, 6), window=(1, 5), padding=((0, 0), (4, 0))),
    "empty batch": Case(images=0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_separable_matches_the_twin_and_its_parts(isa, case):
    assert_matches_twin(case)


def test_separable_channels_around_the_vector_match_the_twin(isa):
    lanes = dispatch.lanes()
    for E in (1, lanes - 1, lanes, lanes + 1, 2 * lanes, 2 * lanes + 1):
        for K in (0, 1, lanes, 2 * lanes + 1):
            assert_matches_twin(Case((5, 9, 3), E, K))


def test_separable_pixels_around_the_tile_match_the_twin(isa):
    for pixels in range(1, dispatch.gemm_rows() + 3):
        assert_matches_twin(Case((4, pixels, 3)))


@pytest.mark.parametrize(
    "name", ["plain", "strides", "no expansion", "no projection", "many strips, strides"]
)
def test_separable_threads_change_no_bit(isa, name):
    once = run(CASES[name], threads=1)
    for threads in (2, 7):
        np.testing.assert_array_equal(run(CASES[name], threads), once)


@pytest.mark.parametrize("name", ["plain", "many strips", "padding wider than the image"])
def test_separable_other_activations_leave_the_border_zero(isa, name):
    # Its value at 0 is 0.5: seen from a border, it would show.
    gate = ("sigmoid", 0.0, 0.0, 0.0)
    for inner in (SILU, gate):
        np.testing.assert_array_equal(run(CASES[name], 1, inner), one_by_one(CASES[name], inner))


def test_separable_counts_its_work():
    separable = Separable(
        8, 6, 5, None, Case().depthwise(np.ones((3, 3, 5, 1), np.float32), None, LINEAR), None, 5
    )
    assert (separable.work, separable.units) == (2 * 8 * 6 * 5 * 9, 8)


sizes = st.integers(1, 9)
pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
borders = st.tuples(st.integers(0, 4), st.integers(0, 4))


@given(
    image=st.tuples(sizes, sizes, st.integers(1, 5)),
    E=st.integers(0, 40),
    K=st.integers(0, 40),
    window=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    strides=pairs,
    padding=st.tuples(borders, borders),
    dilation=pairs,
    multiplier=st.integers(1, 2),
)
def test_separable_of_any_geometry_matches_the_twin(
    isa, image, E, K, window, strides, padding, dilation, multiplier
):
    H, W, C = image
    reach = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    fitting = (max(H, reach[0]), max(W, reach[1]), C)
    assert_matches_twin(
        Case(fitting, E, K, window, strides, padding, dilation, multiplier, images=1)
    )
