"""The NEON build of every micro-kernel, under emulation, against the NumPy twins.

An AArch64 program (neon/harness.c) holds the NEON table, and the portable base table, which is
another one than x86 has. It is linked without the mathematical library: no kernel may call it.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

import reference
import tolerances

pytestmark = pytest.mark.neon

Array = np.ndarray

HERE = Path(__file__).parent
KERNELS = HERE.parents[1] / "src" / "cnnfast" / "_kernels"
COMPILER = "aarch64-linux-gnu-gcc"
EMULATOR = "qemu-aarch64"
FLAGS = (
    *("-O3", "-std=c11", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off"),
    *("-Wall", "-Wextra", "-Werror", "-static"),
)
SOURCES = (
    HERE / "neon" / "harness.c",
    KERNELS / "cpu.c",
    KERNELS / "isa" / "neon.c",
    KERNELS / "isa" / "base.c",
)

# As in harness.c.
GUARD = 32
UNTOUCHED = -12345.0

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


@dataclass(frozen=True)
class Harness:
    """The emulated program, with one of its tables."""

    program: Path
    isa: str

    def call(self, *words: object, operands: bytes = b"") -> bytes:
        command = [EMULATOR, str(self.program), self.isa, *map(str, words)]
        return subprocess.run(
            command, input=operands, stdout=subprocess.PIPE, check=True, timeout=60
        ).stdout

    @cached_property
    def listing(self) -> list[tuple[str, str]]:
        return [tuple(line.split()) for line in self.call("list").decode().splitlines()]

    def names(self, family: str) -> list[str]:
        return [name for kind, name in self.listing if kind == family]

    @property
    def lanes(self) -> int:
        return int(self.names("lanes")[0])

    @property
    def gemm_rows(self) -> int:
        return int(self.names("rows")[0])

    def run(self, family: str, kernel: str, numbers: tuple[int, ...], *operands: Array) -> Array:
        """Run a kernel; the floats after its outputs must be as they were."""
        flat = np.concatenate([np.ravel(array) for array in operands]).astype(np.float32)
        received = self.call(family, kernel, *numbers, operands=flat.tobytes())
        outputs = np.frombuffer(received, np.float32)
        assert np.all(outputs[-GUARD:] == np.float32(UNTOUCHED))
        return outputs[:-GUARD]

    def sizes(self) -> tuple[int, ...]:
        """Lengths around a vector and two."""
        return (1, self.lanes - 1, self.lanes, self.lanes + 1, 2 * self.lanes + 3, 61)


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the harness with the kernels."""
    for tool in (COMPILER, EMULATOR):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    target = tmp_path_factory.mktemp("neon") / "harness"
    command = [COMPILER, *FLAGS, f"-I{KERNELS}", *map(str, SOURCES), "-o", str(target)]
    subprocess.run(command, check=True, timeout=600)
    return target


@pytest.fixture(scope="module", params=("neon", "base"))
def harness(request: pytest.FixtureRequest, program: Path) -> Harness:
    """Choose a table."""
    return Harness(program, request.param)


@pytest.fixture
def rng() -> np.random.Generator:
    """Make the numbers of a test the same every time."""
    return np.random.default_rng(8)


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> Array:
    """Draw float32 numbers."""
    return (scale * rng.standard_normal(shape)).astype(np.float32)


def assert_within(found: Array, expected: Array, error: Array | float) -> None:
    """Compare with a bound on the absolute error."""
    assert found.shape == expected.shape
    assert np.all(np.abs(found - expected) <= error)


def declared_families(header: str) -> set[str]:
    """Name the kinds of kernel that kernels.h declares."""
    return set(re.findall(r"^typedef \w+ (\w+)_kernel\(", header, re.MULTILINE))


def test_declared_families_of_a_header_are_found() -> None:
    header = "typedef void pool_kernel(float *x,\n  int n);\ntypedef double peak_kernel(int n);"
    assert declared_families(header) == {"pool", "peak"}


def test_harness_knows_every_family_that_the_table_has(harness: Harness) -> None:
    families = {family for family, _ in harness.listing} - {"lanes", "rows"}
    assert families == declared_families((KERNELS / "kernels.h").read_text("utf8"))


@pytest.mark.parametrize("segments", [1, 3])
@pytest.mark.parametrize(("vectors", "name"), [(1, "one_vector"), (2, "two_vectors")])
def test_gemm_every_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, vectors: int, name: str, segments: int
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
        numbers = (rows, lda, segments, length, ldc, columns, *offsets)
        outputs = harness.run("gemm", name, numbers, [-2.0, 2.5], bias, weights, a)

        places = [m * lda + start + np.arange(length) for m in range(rows) for start in offsets]
        gathered = a[np.concatenate(places)].reshape(rows, -1)
        expected = np.clip(reference.dense(gathered, weights, bias), -2.0, 2.5)
        magnitude = reference.dense_magnitude(gathered, weights, bias)
        error = tolerances.float32_dot(segments * length, magnitude)
        table = np.append(outputs, np.full(ldc - columns, UNTOUCHED)).reshape(rows, ldc)
        assert np.all(table[:, columns:] == np.float32(UNTOUCHED))
        assert_within(table[:, :columns], expected[:, :columns], error[:, :columns])


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


def test_add_any_length_is_exact(harness: Harness, rng: np.random.Generator) -> None:
    for size in harness.sizes():
        a, b = normal(rng, size), normal(rng, size)
        np.testing.assert_array_equal(harness.run("add", "add", (), a, b), a + b)


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
        found = harness.run("scale_shift", "scale_shift", (period, phase), *around, x)
        places = (phase + np.arange(size)) % period
        expected = reference.scale_shift(x, scale[places], shift[places])
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


@pytest.mark.parametrize("filters", [1, 2])
@pytest.mark.parametrize(("name", "vectors"), [("one_vector", 1), ("four_vectors", 4)])
def test_block_of_filters_takes_the_larger_of_two_pixels(
    harness: Harness, rng: np.random.Generator, filters: int, name: str, vectors: int
) -> None:
    width, values, taps = vectors * harness.lanes, 9, 5
    x, weights = normal(rng, values, width), normal(rng, 1 + taps, filters)
    # Taps 0 and 1 of the first pixel at values 2 and 3, 3 and 4 at 6 and 7; all of the second.
    runs = ((2, 0, 2, 0), (6, 3, 2, 1), (1, 0, 5, 1))
    pixels = (((2, 0), (3, 1), (6, 3), (7, 4)), tuple((1 + t, t) for t in range(taps)))
    terms = [np.array([np.outer(weights[1 + t], x[i]) for i, t in pixel]) for pixel in pixels]
    exact = np.max([pixel.sum(axis=0) + weights[0][:, None] for pixel in terms], axis=0)
    magnitude = max(np.abs(pixel).sum(axis=0).max() for pixel in terms) + np.abs(weights[0]).max()
    numbers = (filters, taps, 2, len(runs), *(number for run in runs for number in run))
    found = harness.run("block", name, numbers, [-2.0, 2.5], weights, x)
    expected = np.clip(exact, -2.0, 2.5).ravel()
    assert_within(found, expected, tolerances.float32_dot(taps, magnitude))


def test_interleave_and_back_are_transposes(harness: Harness, rng: np.random.Generator) -> None:
    for images in (1, harness.lanes - 1, harness.lanes):
        for n in harness.sizes():
            x = normal(rng, images, n)
            side_by_side = np.zeros((n, harness.lanes), np.float32)
            side_by_side[:, :images] = x.T
            found = harness.run("interleave", "interleave", (images,), x)
            assert_within(found, side_by_side.ravel(), 0.0)
            back = harness.run("deinterleave", "deinterleave", (images,), side_by_side)
            assert_within(back, x.ravel(), 0.0)


# One-dimensional transforms of F(4, 3) for the points 0, +-3/4, +-3/2 and infinity.
WINOGRAD_INPUT = np.array([
    [81 / 64, 0, -45 / 16, 0, 1, 0],
    [0, -27 / 16, -9 / 4, 3 / 4, 1, 0],
    [0, 27 / 16, -9 / 4, -3 / 4, 1, 0],
    [0, -27 / 32, -9 / 16, 3 / 2, 1, 0],
    [0, 27 / 32, -9 / 16, -3 / 2, 1, 0],
    [0, 81 / 64, 0, -45 / 16, 0, 1],
])  # fmt: skip
WINOGRAD_OUTPUT = np.array([
    [1, 1, 1, 1, 1, 0],
    [0, 3 / 4, -3 / 4, 3 / 2, -3 / 2, 0],
    [0, 9 / 16, 9 / 16, 9 / 4, 9 / 4, 0],
    [0, 27 / 64, -27 / 64, 27 / 8, -27 / 8, 1],
])  # fmt: skip
# Of one value: four in either direction of a transform, and a bias.
WINOGRAD_ROUNDINGS = 9


@pytest.mark.parametrize(("first", "last", "height"), [(0, 6, 6), (1, 6, 6), (0, 3, 2), (2, 5, 1)])
def test_winograd_input_any_patch_matches_numpy(
    harness: Harness, rng: np.random.Generator, first: int, last: int, height: int
) -> None:
    for channels in harness.sizes():
        real = normal(rng, height, last - first, channels)
        patch = np.zeros((6, 6, channels))
        patch[:height, first:last] = real
        plane = channels + harness.lanes
        numbers = (channels, first, last, height, plane)
        found = harness.run("winograd_input", "winograd_input", numbers, real, 0 * real[0])
        whole = np.append(found, np.zeros(36 * plane - len(found))).reshape(6, 6, plane)
        B = WINOGRAD_INPUT
        expected = np.einsum("ia,abc,jb->ijc", B, patch, B)
        magnitude = np.einsum("ia,abc,jb->ijc", np.abs(B), np.abs(patch), np.abs(B))
        error = tolerances.roundings(WINOGRAD_ROUNDINGS, magnitude)
        assert_within(whole[..., :channels], expected, error)


@pytest.mark.parametrize(("rows", "columns"), [(4, 4), (1, 1), (2, 3), (3, 2), (4, 1)])
def test_winograd_output_any_part_of_a_tile_matches_numpy(
    harness: Harness, rng: np.random.Generator, rows: int, columns: int
) -> None:
    for filters in harness.sizes():
        products, bias = normal(rng, 6, 6, filters), normal(rng, filters)
        pixel, row = filters + 2, 5 * (filters + 2)
        numbers = (filters, filters, row, pixel, rows, columns)
        found = harness.run(
            "winograd_output", "winograd_output", numbers, [-1.5, 2.0], bias, products
        )
        table = np.append(found, np.full(rows * row - len(found), UNTOUCHED))
        table = table.reshape(rows, 5, pixel)
        assert np.all(table[:, :, filters:] == np.float32(UNTOUCHED))
        assert np.all(table[:, columns:] == np.float32(UNTOUCHED))
        A = WINOGRAD_OUTPUT
        exact = np.einsum("yi,ijk,xj->yxk", A, products, A)[:rows, :columns] + bias
        scale = np.einsum("yi,ijk,xj->yxk", np.abs(A), np.abs(products), np.abs(A))
        magnitude = scale[:rows, :columns] + np.abs(bias)
        assert_within(
            table[:, :columns, :filters],
            np.clip(exact, -1.5, 2.0),
            tolerances.roundings(WINOGRAD_ROUNDINGS, magnitude),
        )


@pytest.mark.parametrize("window", [(3, 3), (5, 5), (2, 3), (1, 4)], ids=str)
@pytest.mark.parametrize("step", [1, 2])
def test_depthwise_two_rows_of_pixels_match_numpy(
    harness: Harness, rng: np.random.Generator, window: tuple[int, int], step: int
) -> None:
    (R, S), pixels, lanes = window, 6, harness.lanes
    width = S + step * (pixels - 1)
    for channels in harness.sizes():
        x, kernel = normal(rng, 1, R + 1, width, channels), normal(rng, R, S, 1, channels)
        bias = normal(rng, channels)
        constants = np.concatenate([bias[np.newaxis], kernel.reshape(-1, channels)])
        starts = np.minimum(np.arange(0, channels, lanes), max(channels - lanes, 0))
        panels = np.zeros((len(starts), len(constants), lanes), np.float32)
        for panel, start in zip(panels, starts, strict=True):
            panel[:, : min(lanes, channels)] = constants[:, start : start + lanes]
        row, y_step = width * channels, channels + 2
        distances = (step * channels, row, lanes, S * lanes, panels[0].size, y_step)
        numbers = (R, row, S, channels, *distances, pixels * y_step, 2, pixels, channels)
        found = harness.run("depthwise", "depthwise", numbers, [-2.0, 2.5], panels, x)
        table = np.append(found, [UNTOUCHED] * 2).reshape(2, pixels, y_step)
        assert np.all(table[..., channels:] == np.float32(UNTOUCHED))
        options = {"strides": (1, step), "groups": channels}
        expected = np.clip(reference.convolution(x, kernel, bias, **options), -2.0, 2.5)[0]
        magnitude = reference.convolution_magnitude(x, kernel, bias, **options)[0]
        error = tolerances.float32_dot(R * S, magnitude)
        assert_within(table[..., :channels], expected, error)


def test_peak_counts_two_operations_for_each_lane_and_chain(harness: Harness) -> None:
    once = harness.run("peak", "fma_peak", (1,), [])[0]
    assert once % (2 * harness.lanes) == 0
    assert harness.run("peak", "fma_peak", (5,), [])[0] == 5 * once
