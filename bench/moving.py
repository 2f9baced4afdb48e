"""Kernels that move floats, held against the speed of copying them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.subject import RELU, UNBOUNDED, Subject, draw, moved
from cnnfast._kernels import dispatch, elementwise, layout, resizing
from cnnfast._kernels.embedding import Embedding
from cnnfast._kernels.embedding_conv import EmbeddingConvolution
from cnnfast._kernels.normalization import Gate, ScaleShift
from cnnfast._kernels.optimizer import Updates
from cnnfast._kernels.pool import GlobalPooling, Pooling

# An image of 48 channels, 0.3 MB: one stays in L2, 64 do not.
H, W, C = 40, 40, 48
PLACES = (("L2", 1), ("memory", 64))

# How many arrays of state each rule keeps (kernels.inc), and the numbers it has at most.
STATES = {
    "sgd": 0, "momentum": 1, "nesterov": 1, "lion": 1, "rmsprop": 1, "rmsprop_momentum": 2,
    "rmsprop_centered": 2, "rmsprop_centered_momentum": 3, "adagrad": 1, "adadelta": 2, "adam": 2,
    "amsgrad": 3, "adamax": 2, "nadam": 2, "ftrl": 2, "ftrl_power": 2, "decay": 0, "average": 1,
}  # fmt: skip
NUMBERS = 9


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
    gates, gated = draw(images, C), np.empty_like(flat)
    work = 2 * flat.nbytes
    yield Subject(
        f"gate, {place}", partial(Gate(H * W, C).run, flat, gates, gated, threads), work,
        work / threads / 1e6,
    )  # fmt: skip
    yield from joined(place, flat, threads)
    yield from resized(place, flat, threads)


def joined(place: str, flat: NDArray[Any], threads: int) -> Iterator[Subject]:
    """Combine two arrays in every way, and lay two side by side."""
    results, work = np.empty_like(flat), 3 * flat.nbytes
    for name in elementwise.pairs():
        call = partial(elementwise.Combine(name, flat.shape[1], 2).run, flat, flat)
        yield Subject(
            f"{name}, {place}", partial(call, results, threads), work, work / threads / 1e6
        )
    pixels = flat.reshape(len(flat), -1, C)
    concatenate = layout.Concatenate(pixels.shape[1], (C, C))
    both = np.empty((*pixels.shape[:2], 2 * C), np.float32)
    work = 2 * both.nbytes
    yield Subject(
        f"concatenate, {place}", lambda: concatenate.run([pixels, pixels], both, threads), work,
        work / threads / 1e6,
    )  # fmt: skip


def resized(place: str, flat: NDArray[Any], threads: int) -> Iterator[Subject]:
    """Cut a border off images, and make them four times as large."""
    inner = (len(flat), (H - 2) * (W - 2) * C)
    yield moved(f"crop by 1, {place}", resizing.Crop(H, W, C, (1, 1, 1, 1)), flat, inner, threads)
    large = (len(flat), 4 * H * W * C)
    for way in ("nearest", "bilinear"):
        kernel = resizing.Enlarge(way, H, W, C, (2, 2))
        yield moved(f"enlarge, {way}, {place}", kernel, flat, large, threads)


def embeddings(threads: int) -> Iterator[Subject]:
    """Look up words, and convolve them by looking up."""
    ids = np.random.default_rng(0).integers(0, 20000, (256, 100), dtype=np.int32)
    lookup = Embedding(100, draw(20000, 128), True)
    rows = np.empty((256, 100, 128), np.float32)
    size = 2 * rows.nbytes
    yield Subject(
        "embedding 20000x128", lambda: lookup.run(ids, rows, threads), size, size / threads / 1e6
    )
    folded = EmbeddingConvolution(100, draw(20000, 7 * 32), 7, draw(32), 1, 1, (0, 0), RELU, True)
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


def updates(threads: int) -> Iterator[Subject]:
    """Take a step of each rule of optimizers with weights in L2."""
    size = 32 * 1024 * threads
    for rule in dispatch.updates():
        states = [draw(size) for _ in range(STATES[rule])]
        step = Updates(rule, [(draw(size), draw(size), states, False)])
        step.set_numbers([0.5] * NUMBERS)
        # Weights and states are read and written, the gradient is read.
        work = 4 * size * (3 + 2 * len(states))
        yield Subject(f"update {rule}, L2", partial(step.run, threads), work, work / threads / 1e6)
