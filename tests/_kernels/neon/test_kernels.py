"""Micro-kernels of the NEON table against their NumPy twins."""

from __future__ import annotations

import re

import numpy as np
import pytest

import reference
import tolerances
from neonharness import KERNELS, UNTOUCHED, Harness, assert_within, normal

pytestmark = pytest.mark.neon

PARAMETERS = {
    "relu": (0.1, 6.0, 0.5),
    "elu": (1.3,),
    "celu": (1.3,),
    "hard_shrink": (0.5,),
    "hard_sigmoid": (0.2, 0.5),
    "hard_silu": (0.2, 0.5),
    "soft_shrink": (0.5,),
    "squareplus": (4.0,),
    "threshold": (0.5, 2.0),
}


def declared_families(header: str) -> set[str]:
    """Name the kinds of kernel that kernels.h declares."""
    return set(re.findall(r"^typedef \w+ (\w+)_kernel\(", header, re.MULTILINE))


def test_declared_families_of_a_header_are_found() -> None:
    header = "typedef void pool_kernel(float *x,\n  int n);\ntypedef double peak_kernel(int n);"
    assert declared_families(header) == {"pool", "peak"}


def test_harness_knows_every_family_that_the_table_has(harness: Harness) -> None:
    families = {family for family, _ in harness.listing} - {"lanes", "rows"}
    assert families == declared_families((KERNELS / "kernels.h").read_text("utf8"))


@pytest.mark.parametrize(("segments", "adds"), [(1, 0), (3, 0), (1, 1)])
@pytest.mark.parametrize(("vectors", "name"), [(1, "one_vector"), (2, "two_vectors")])
def test_gemm_every_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, vectors: int, name: str, segments: int, adds: int
) -> None:
    assert harness.names("gemm") == ["one_vector", "two_vectors"]
    length, width = 7, vectors * harness.lanes
    lda, ldc = length + 2, width + 3
    for rows in range(1, harness.gemm_rows + 1):
        columns = width - rows % harness.lanes
        offsets = tuple(11 * segment for segment in range(segments))
        a = normal(rng, lda * (rows - 1) + offsets[-1] + length)
        bias = np.zeros(width, np.float32)
        bias[:columns] = normal(rng, columns)
        weights = np.zeros((segments * length, width), np.float32)
        weights[:, :columns] = normal(rng, segments * length, columns)
        numbers = (rows, lda, segments, length, ldc, columns, adds, *offsets)
        addend = adds * normal(rng, rows, ldc)
        operands = (bias, weights, addend.ravel()[: adds * ((rows - 1) * ldc + columns)], a)
        outputs = harness.run("gemm", name, numbers, [-2.0, 2.5], *operands)

        places = [m * lda + start + np.arange(length) for m in range(rows) for start in offsets]
        gathered = a[np.concatenate(places)].reshape(rows, -1)
        total = reference.dense(gathered, weights, bias) + addend[:, :width]
        expected = np.clip(total, -2.0, 2.5)
        magnitude = reference.dense_magnitude(gathered, weights, bias) + np.abs(addend[:, :width])
        error = tolerances.float32_dot(segments * length, magnitude)
        table = np.append(outputs, np.full(ldc - columns, UNTOUCHED)).reshape(rows, ldc)
        assert np.all(table[:, columns:] == np.float32(UNTOUCHED))
        assert_within(table[:, :columns], expected[:, :columns], error[:, :columns])


@pytest.mark.parametrize("windows", [1, 2])
@pytest.mark.parametrize(("vectors", "name"), [(1, "one_vector"), (2, "two_vectors")])
def test_pooled_every_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, vectors: int, name: str, windows: int
) -> None:
    if windows > harness.gemm_rows // 4:
        pytest.skip("the tile is smaller")
    length, width, lda, below, offsets = 5, vectors * harness.lanes, 7, 40, (0, 3)
    columns, step = width - windows, 2 * lda
    a = normal(rng, 200)
    bias, weights = np.zeros(width, np.float32), np.zeros((2 * length, width), np.float32)
    bias[:columns], weights[:, :columns] = normal(rng, columns), normal(rng, 2 * length, columns)
    numbers = (windows, lda, step, below, 2, length, width + 3, columns, *offsets)
    outputs = harness.run("pooled", name, numbers, [-2.0, 2.5], bias, weights, a)

    pixels = [w * step + at for w in range(windows) for at in (0, lda, below, below + lda)]
    taps = np.concatenate([start + np.arange(length) for start in offsets])
    gathered = a[np.add.outer(pixels, taps)]
    expected = reference.dense(gathered, weights, bias).reshape(windows, 4, width).max(axis=1)
    magnitude = reference.dense_magnitude(gathered, weights, bias).max()
    table = np.append(outputs, np.full(width + 3 - columns, UNTOUCHED)).reshape(windows, -1)
    assert np.all(table[:, columns:] == np.float32(UNTOUCHED))
    error = np.full((windows, columns), tolerances.float32_dot(2 * length, magnitude))
    assert_within(table[:, :columns], np.clip(expected, -2.0, 2.5)[:, :columns], error)


def test_activation_every_one_matches_numpy(harness: Harness, rng: np.random.Generator) -> None:
    names = harness.names("activation")
    assert set(names) <= set(reference.ACTIVATIONS)
    x = np.concatenate([normal(rng, 200, scale=4.0), np.float32([0.0, -0.0, 0.5, -0.5, 30, -30])])
    for name in names:
        parameters = np.float32((*PARAMETERS.get(name, ()), 0.0, 0.0, 0.0)[:3])
        exact = reference.activate(x, (name, *map(float, parameters)))
        error = tolerances.activation(name, x, exact, *map(float, parameters))
        found = harness.run("activation", name, (), parameters, x)
        assert_within(found, exact, error)


def test_activation_not_a_number_passes_through(harness: Harness) -> None:
    x = np.full(harness.lanes + 1, np.nan, np.float32)
    for name in harness.names("activation"):
        parameters = (*PARAMETERS.get(name, ()), 0.0, 0.0, 0.0)[:3]
        if name != "threshold":  # a comparison with NaN is false: its value stands in
            assert np.isnan(harness.run("activation", name, (), parameters, x)).all(), name


def test_pair_any_length_is_exact(harness: Harness, rng: np.random.Generator) -> None:
    for name in harness.names("pair"):
        for size in harness.sizes():
            a, b = normal(rng, size), normal(rng, size)
            a[size // 2 :: 5], b[size // 3 :: 7] = np.nan, np.nan
            expected = getattr(np, name)(a, b)
            np.testing.assert_array_equal(harness.run("pair", name, (), a, b), expected)


def test_cast_any_length_rounds_as_numpy(harness: Harness, rng: np.random.Generator) -> None:
    for size in harness.sizes():
        integers = rng.integers(-(2**31), 2**31, size, dtype=np.int32)
        found = harness.run("cast", "cast", (), integers.view(np.float32))
        np.testing.assert_array_equal(found, integers.astype(np.float32))


def periods(harness: Harness) -> list[tuple[int, int, int]]:
    """List (length, period, phase), some with a period that no vector divides."""
    return [
        (size, period, phase)
        for size in harness.sizes()
        for period in (harness.lanes, harness.lanes + 1, 3 * harness.lanes - 1)
        for phase in (0, period - 1)
    ]


def test_prelu_any_period_and_phase_matches_numpy(
    harness: Harness, rng: np.random.Generator
) -> None:
    for size, period, phase in periods(harness):
        x, slopes = normal(rng, size), normal(rng, period)
        around = np.append(slopes, slopes[: harness.lanes])
        found = harness.run("prelu", "prelu", (period, phase), around, x)
        expected = reference.prelu(x, slopes[(phase + np.arange(size)) % period])
        assert_within(found, expected, tolerances.roundings(1, expected))


def test_scale_shift_any_period_and_phase_matches_numpy(
    harness: Harness, rng: np.random.Generator
) -> None:
    for size, period, phase in periods(harness):
        x, scale, shift = normal(rng, size), normal(rng, period), normal(rng, period)
        around = [np.append(values, values[: harness.lanes]) for values in (scale, shift)]
        bounds = [-0.75, 1.25]
        found = harness.run("scale_shift", "scale_shift", (period, phase), bounds, *around, x)
        places = (phase + np.arange(size)) % period
        expected = np.clip(reference.scale_shift(x, scale[places], shift[places]), *bounds)
        magnitude = np.abs(x * scale[places]) + np.abs(shift[places])
        assert_within(found, expected, tolerances.roundings(2, magnitude))


def test_row_every_one_matches_numpy(harness: Harness, rng: np.random.Generator) -> None:
    names = harness.names("row")
    assert set(names) == set(reference.ROW_ACTIVATIONS)
    for name in names:
        for columns in (2, 2 * harness.lanes - 2, 2 * harness.lanes, 2 * harness.lanes + 2, 62):
            x = normal(rng, 3, columns, scale=3.0)
            expected = reference.row_activate(x, name)
            found = harness.run("row", name, x.shape, x).reshape(expected.shape)
            assert_within(found, expected, tolerances.row_activation(name, x, expected))


@pytest.mark.parametrize("window", [(1, 1), (2, 2), (3, 3), (1, 4), (3, 1), (4, 5)])
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("kind", ["max", "average"])
def test_pool_a_row_of_pixels_matches_numpy(
    harness: Harness, rng: np.random.Generator, kind: str, window: tuple[int, int], step: int
) -> None:
    assert sorted(harness.names("pool")) == ["average", "max"]
    (rows, columns), pixels = window, 4
    width = columns + step * (pixels - 1)
    for channels in harness.sizes():
        x = normal(rng, 1, rows, width, channels)
        y_step = channels + 2
        geometry = (step * channels, rows, width * channels, columns, channels, y_step)
        scale = np.float32(1.0 if kind == "max" else 1.0 / (rows * columns))
        found = harness.run("pool", kind, (*geometry, pixels, channels), [scale], x)
        table = np.append(found, [UNTOUCHED] * 2).reshape(pixels, y_step)
        assert np.all(table[:, channels:] == np.float32(UNTOUCHED))
        expected = reference.pooling(kind, x, window, (step, step))[0, 0]
        mean = np.abs(x).max() if kind == "average" else 0.0
        assert_within(
            table[:, :channels], expected, tolerances.float32_sum(rows * columns + 1, mean)
        )


def test_gather_sum_any_number_of_columns_matches_numpy(
    harness: Harness, rng: np.random.Generator
) -> None:
    step, taps, vocabulary = 2, 3, 6
    ids = rng.integers(vocabulary, size=(taps - 1) * step + 1)
    for columns in harness.sizes():
        table, bias = normal(rng, vocabulary, taps, columns), normal(rng, columns)
        numbers = (step, taps, columns, *ids)
        found = harness.run("gather", "gather_sum", numbers, [-1.5, 2.0], bias, table)
        terms = table[ids[::step], np.arange(taps)].astype(np.float64)
        magnitude = np.abs(terms).sum(axis=0) + np.abs(bias)
        error = tolerances.float32_sum(taps + 1, magnitude)
        assert_within(found, np.clip(terms.sum(axis=0) + bias, -1.5, 2.0), error)


def test_peak_counts_two_operations_for_each_lane_and_chain(harness: Harness) -> None:
    once = harness.run("peak", "fma_peak", (1,), [])[0]
    assert once % (2 * harness.lanes) == 0
    assert harness.run("peak", "fma_peak", (5,), [])[0] == 5 * once
