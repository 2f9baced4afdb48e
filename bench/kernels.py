"""Every kernel, with data of the shapes that networks give it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from bench.fused import interleaved, together
from bench.moving import PLACES, activations, embeddings, movements, poolings, rows, updates
from bench.subject import LINEAR, Subject, draw, moved
from cnnfast._kernels import dispatch
from cnnfast._kernels.conv import Convolution
from cnnfast._kernels.dense import Dense
from cnnfast._kernels.depthwise import Depthwise
from cnnfast._kernels.winograd import Winograd
from cnnfast._kernels.winograd_sequence import WinogradSequence

# Height and width, channels in and out, images: what 3 x 3 convolutions of networks see.
SQUARES = (
    (56, 64, 8), (28, 128, 16), (14, 256, 32), (7, 512, 64), (32, 32, 64), (16, 64, 128),
)  # fmt: skip
# Length, channels, filters, taps, images: texts and sounds.
SEQUENCES = ((100, 128, 32, 7, 64), (250, 64, 64, 3, 64), (128, 128, 128, 5, 32))


def subjects(threads: int) -> Iterator[Subject]:
    """List all kernels."""
    yield from convolutions(threads)
    yield from transformed(threads)
    yield from products(threads)
    yield from tiles(threads)
    yield from interleaved(threads)
    yield from together(threads)
    for place, images in PLACES:
        yield from poolings(place, images * threads, threads)
        yield from movements(place, images * threads, threads)
    yield from embeddings(threads)
    yield from activations(threads)
    yield from rows(threads)
    yield from updates(threads)


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
    for length, channels, filters, taps, images in SEQUENCES:
        border = (taps // 2, taps // 2)
        along = WinogradSequence(
            1, length, channels, draw(1, taps, channels, filters), draw(filters), border, 1,
            LINEAR,
        )  # fmt: skip
        x, y = draw(images, 1, length, channels), draw(images, 1, length, filters)
        name = f"winograd 1d {length}x{channels} -> {filters}, k {taps}"
        yield Subject(name, partial(along.run, x, y, threads), images * along.work)


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
