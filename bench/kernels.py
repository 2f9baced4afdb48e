"""Every kernel, with data of the shapes that networks give it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cnnfast._kernels import dispatch, elementwise, layout
from cnnfast._kernels.conv import Convolution
from cnnfast._kernels.dense import Dense
from cnnfast._kernels.depthwise import Depthwise
from cnnfast._kernels.embedding import Embedding
from cnnfast._kernels.embedding_conv import EmbeddingConvolution
from cnnfast._kernels.normalization import ScaleShift
from cnnfast._kernels.pool import GlobalPooling, Pooling
from cnnfast._kernels.winograd import Winograd

UNBOUNDED = float("inf")
LINEAR = ("linear", 0.0, UNBOUNDED, 0.0)

# An image of 48 channels, 0.3 MB: one stays in L2, 64 do not.
H, W, C = 40, 40, 48
PLACES = (("L2", 1), ("memory", 64))

# Height and width, channels in and out, images: what 3 x 3 convolutions of networks see.
SQUARES = (
    (56, 64, 8), (28, 128, 16), (14, 256, 32), (7, 512, 64), (32, 32, 64), (16, 64, 128),
)  # fmt: skip


class Subject(NamedTuple):
    """One kernel with data to run on.

    Attributes:
        name: of the kernel and its shapes.
        call: runs it once.
        work: floating-point operations of a call, or bytes read and written.
        megabytes: the size of the data of one thread where bytes are counted; 0: operations are.
    """

    name: str
    call: Callable[[], object]
    work: float
    megabytes: float = 0.0


def subjects(threads: int) -> Iterator[Subject]:
    """List all kernels."""
    yield from convolutions(threads)
    yield from transformed(threads)
    yield from products(threads)
    yield from tiles(threads)
    for place, images in PLACES:
        yield from poolings(place, images * threads, threads)
        yield from movements(place, images * threads, threads)
    yield from embeddings(threads)
    yield from activations(threads)
    yield from rows(threads)


def convolutions(threads: int) -> Iterator[Subject]:
    """Convolve as VGG, ResNet and the small networks do."""
    for side, channels, images in SQUARES:
        yield convolution(
            f"conv 3x3 {side}x{side}x{channels}", (images, side, side, channels),
            (3, 3, channels, channels), threads, border=1,
        )  # fmt: skip
    for side, channels, filters in ((56, 64, 256), (14, 1024, 256)):
        yield convolution(
            f"conv 1x1 {side}x{side}x{channels} -> {filters}", (16, side, side, channels),
            (1, 1, channels, filters), threads,
        )  # fmt: skip
    yield convolution("conv1d 50x1 -> 16, k 5", (1024, 1, 50, 1), (1, 5, 1, 16), threads)
    yield convolution("conv1d 100x128 -> 32, k 7", (64, 1, 100, 128), (1, 7, 128, 32), threads)
    yield convolution("conv 3x3 28x28x1 -> 32", (64, 28, 28, 1), (3, 3, 1, 32), threads)
    yield convolution(
        "conv 7x7/2 224x224x3 -> 64", (4, 230, 230, 3), (7, 7, 3, 64), threads, stride=2
    )
    yield convolution(
        "conv 3x3 dilated by 2 28x28x64", (16, 28, 28, 64), (3, 3, 64, 64), threads, border=2,
        dilation=2,
    )  # fmt: skip
    for side, channels, stride in ((112, 32, 1), (56, 144, 2), (14, 384, 1)):
        yield depthwise(side, channels, stride, threads)


def convolution(
    name: str,
    shape: tuple[int, int, int, int],
    window: tuple[int, int, int, int],
    threads: int,
    border: int = 0,
    stride: int = 1,
    dilation: int = 1,
) -> Subject:
    """Convolve a batch."""
    images, height, width, depth = shape
    kernel = Convolution(
        height, width, depth, draw(*window), draw(window[3]), (stride, stride), (border,) * 4,
        (dilation, dilation), 1, LINEAR,
    )  # fmt: skip
    P, Q = (
        (size + 2 * border - (taps - 1) * dilation - 1) // stride + 1
        for size, taps in zip((height, width), window[:2], strict=True)
    )
    x, y = draw(*shape), np.empty((images, P, Q, window[3]), np.float32)
    return Subject(name, lambda: kernel.run(x, y, threads), images * kernel.work)


def depthwise(side: int, channels: int, stride: int, threads: int) -> Subject:
    """Convolve each channel on its own, as MobileNet does; the time goes into moving floats."""
    kernel = Depthwise(
        side, side, channels, draw(3, 3, channels, 1), draw(channels), (stride, stride),
        (1, 1, 1, 1), (1, 1), ("relu", 0.0, 6.0, 0.0),
    )  # fmt: skip
    P = (side - 1) // stride + 1
    return moved(
        f"depthwise 3x3/{stride} {side}x{side}x{channels}", kernel,
        draw(2 * threads, side, side, channels), (2 * threads, P, P, channels), threads,
    )  # fmt: skip


def transformed(threads: int) -> Iterator[Subject]:
    """Convolve by Winograd's algorithm, its speed counted as if every product were computed."""
    for side, channels, images in SQUARES:
        kernel = Winograd(
            side, side, channels, draw(3, 3, channels, channels), draw(channels), (1, 1, 1, 1),
            LINEAR,
        )  # fmt: skip
        x, y = draw(images, side, side, channels), draw(images, side, side, channels)
        work = 18.0 * channels * channels * side * side * images
        name = f"winograd 3x3 {side}x{side}x{channels}"
        yield Subject(name, partial(kernel.run, x, y, threads), work)


def products(threads: int) -> Iterator[Subject]:
    """Multiply matrices as dense layers do."""
    yield dense("dense 512x1600x512", 512, 1600, 512, threads)
    yield dense("dense 1x4096x1000", 1, 4096, 1000, threads)
    yield dense("dense 1024x1600x10", 1024, 1600, 10, threads)


def tiles(threads: int) -> Iterator[Subject]:
    """Run each register tile on its own: a matrix of as many rows, its weights in L2."""
    lanes = dispatch.lanes()
    for height in range(1, dispatch.gemm_rows() + 1):
        yield dense(f"tile {height} rows x 2 vectors", height, 256, 16 * 2 * lanes, threads)
        yield dense(f"tile {height} rows x 1 vector", height, 4096, lanes, threads)


def dense(name: str, height: int, depth: int, columns: int, threads: int) -> Subject:
    """Multiply a matrix by weights."""
    kernel = Dense(1, draw(depth, columns), draw(columns), LINEAR)
    x, y = draw(height, depth), np.empty((height, columns), np.float32)
    return Subject(name, lambda: kernel.run(x, y, threads), height * kernel.work)


def poolings(place: str, images: int, threads: int) -> Iterator[Subject]:
    """Pool images: windows, and all of them at once."""
    for kind in ("max", "average"):
        for pool, stride in ((2, 2), (3, 2)):
            kernel = Pooling(kind, H, W, C, (pool, pool), (stride, stride), (0, 0, 0, 0))
            P = (H - pool) // stride + 1
            yield moved(
                f"{kind} pool {pool}x{pool}/{stride} {H}x{W}x{C}, {place}", kernel,
                draw(images, H, W, C), (images, P, P, C), threads,
            )  # fmt: skip
        yield moved(
            f"global {kind} pool {H}x{W}x{C}, {place}", GlobalPooling(kind, H * W, C),
            draw(images, H * W, C), (images, C), threads,
        )  # fmt: skip


def movements(place: str, images: int, threads: int) -> Iterator[Subject]:
    """Move floats, or do next to nothing with them."""
    size, flat = H * W * C, draw(images, H * W * C)
    scaled = ScaleShift(H * W, C, draw(C), draw(C))
    pixels = (images * H * W, C)
    yield moved(f"scale and shift, {place}", scaled, flat.reshape(pixels), pixels, threads)
    prelu = elementwise.Prelu(size, draw(C))
    yield moved(f"prelu, {place}", prelu, flat, flat.shape, threads)
    permute = layout.Permute((H, W, C), (2, 0, 1))
    yield moved(f"permute {H}x{W}x{C} to {C}x{H}x{W}, {place}", permute, flat, flat.shape, threads)
    pad = layout.Pad(H, W, C, (1, 1, 1, 1))
    images_of = flat.reshape(images, H, W, C)
    yield moved(f"pad by 1, {place}", pad, images_of, (images, H + 2, W + 2, C), threads)
    yield from joined(place, flat, threads)


def joined(place: str, flat: NDArray[Any], threads: int) -> Iterator[Subject]:
    """Add two arrays, and lay two side by side."""
    add, sums = elementwise.Combine("add", flat.shape[1], 2), np.empty_like(flat)
    work = 3 * flat.nbytes
    yield Subject(
        f"add, {place}", lambda: add.run(flat, flat, sums, threads), work, work / threads / 1e6
    )
    pixels = flat.reshape(len(flat), -1, C)
    concatenate = layout.Concatenate(pixels.shape[1], (C, C))
    both = np.empty((*pixels.shape[:2], 2 * C), np.float32)
    work = 2 * both.nbytes
    yield Subject(
        f"concatenate, {place}", lambda: concatenate.run([pixels, pixels], both, threads), work,
        work / threads / 1e6,
    )  # fmt: skip


def embeddings(threads: int) -> Iterator[Subject]:
    """Look up words, and convolve them by looking up."""
    ids = np.random.default_rng(0).integers(0, 20000, (256, 100), dtype=np.int32)
    lookup = Embedding(100, draw(20000, 128), True)
    rows = np.empty((256, 100, 128), np.float32)
    size = 2 * rows.nbytes
    yield Subject(
        "embedding 20000x128", lambda: lookup.run(ids, rows, threads), size, size / threads / 1e6
    )
    folded = EmbeddingConvolution(
        100, draw(20000, 7 * 32), 7, draw(32), 1, 1, (0, 0), ("relu", 0.0, UNBOUNDED, 0.0), True
    )
    sums = np.empty((256, 94, 32), np.float32)
    size = 7 * sums.nbytes
    yield Subject(
        "embedding folded into conv1d of 7 taps, 32 filters",
        lambda: folded.run(ids, sums, threads), size, size / threads / 1e6,
    )  # fmt: skip


def activations(threads: int) -> Iterator[Subject]:
    """Apply each activation to data in L2."""
    x = draw(2 * threads, 32 * 1024)
    for name in dispatch.activations():
        most = UNBOUNDED if name == "relu" else 1.0
        kernel = elementwise.Activate(x.shape[1], (name, 0.0 if name == "relu" else 1.0, most, 0.0))
        yield moved(f"{name}, L2", kernel, x, x.shape, threads)


def rows(threads: int) -> Iterator[Subject]:
    """Apply each function of rows to data in L2."""
    x = draw(64, 1000)
    for name in elementwise.row_activations():
        columns = 500 if name == "glu" else 1000
        kernel = elementwise.RowActivate(name, 64, 1000)
        yield moved(f"{name} of 1000, L2", kernel, x, (64, columns), threads)


def moved(name: str, kernel: Any, x: NDArray[Any], shape: tuple[int, ...], threads: int) -> Subject:
    """Count the bytes of inputs and outputs as the work of a kernel."""
    y = np.empty(shape, np.float32)
    size = x.nbytes + y.nbytes
    return Subject(name, lambda: kernel.run(x, y, threads), size, size / threads / 1e6)


def draw(*shape: int) -> NDArray[np.float32]:
    """Draw standard normal numbers."""
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
