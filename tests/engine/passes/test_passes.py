"""Each pass leaves what a graph computes as it is, and does what it is for."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
from cnnfast.engine.graph import Graph
from cnnfast.engine.passes import PASSES, optimize
from cnnfast.engine.passes.delay import delay_activations
from cnnfast.engine.passes.embed import LARGEST_TABLE, fold_embeddings
from cnnfast.engine.passes.fold import fold_into_consumers, fold_into_producers
from cnnfast.engine.passes.fuse import fuse_activations
from cnnfast.engine.plan import Plan
from cnnfast.ops.convolution import Convolution
from cnnfast.ops.dense import Dense
from cnnfast.ops.depthwise import Depthwise
from cnnfast.ops.elementwise import Activate, Add
from cnnfast.ops.embedding import Embedding, EmbeddingConvolution
from cnnfast.ops.normalization import ScaleShift
from cnnfast.ops.pooling import GlobalPooling, Pooling
from graphchains import chain, kinds, normal

RELU = ("relu", 0.0, np.inf, 0.0)
TANH = ("tanh", 0.0, 0.0, 0.0)
BORDER = ((1, 1), (1, 1))


def assert_same(one: Graph, other: Graph, inputs: np.ndarray) -> None:
    """Compare outputs within the rounding of weights that were multiplied beforehand."""
    expected, received = (Plan(graph).run([inputs])[0] for graph in (one, other))
    scale = np.abs(expected).max()
    # Sums of up to 200 terms, each of them rounded once more when weights are folded.
    assert np.abs(expected - received).max() <= 4 * tolerances.float32_dot(200, scale)


def scale_shift(channels: int, shift: bool = True) -> ScaleShift:
    return ScaleShift(normal(channels, 1)[:, 0], normal(channels, 2)[:, 0] * shift)


CHAINS = {
    "normalization behind": chain((6, 6, 3), Convolution(normal(3, 3, 3, 5)), scale_shift(5)),
    "normalization behind a bias": chain(
        (6, 6, 3), Convolution(normal(3, 3, 3, 5), normal(5)), scale_shift(5), Activate(RELU)
    ),
    "normalization of a sequence": chain(
        (1, 9, 3), Convolution(normal(1, 3, 3, 5)), (7, 5), scale_shift(5), Activate(TANH)
    ),
    "normalization in front": chain((6, 6, 3), scale_shift(3), Convolution(normal(3, 3, 3, 5))),
    "normalization in front of a border": chain(
        (6, 6, 3), scale_shift(3), Convolution(normal(3, 3, 3, 5), padding=BORDER)
    ),
    "scale in front of a border": chain(
        (6, 6, 3), scale_shift(3, shift=False), Convolution(normal(3, 3, 3, 5), padding=BORDER)
    ),
    "normalization in front of groups": chain(
        (6, 6, 4), scale_shift(4), Convolution(normal(3, 3, 2, 6), groups=2)
    ),
    "normalization before and behind": chain(
        (20,), scale_shift(20), scale_shift(20), Dense(normal(20, 7), normal(7)), scale_shift(7)
    ),
    "normalization behind an activation": chain(
        (20,), Dense(normal(20, 7), activation=RELU), scale_shift(7)
    ),
    "activation and pooling": chain(
        (8, 8, 3), Convolution(normal(3, 3, 3, 5)), Activate(TANH), Pooling("max", (2, 2), (2, 2))
    ),
    "activation and average pooling": chain(
        (8, 8, 3), Convolution(normal(3, 3, 3, 5), activation=TANH),
        Pooling("average", (2, 2), (2, 2)),
    ),
    "activation and global pooling": chain(
        (8, 8, 3), Convolution(normal(3, 3, 3, 5), activation=TANH), GlobalPooling("max"),
        Dense(normal(5, 2)),
    ),
    "normalization behind depthwise": chain(
        (6, 6, 3), Depthwise(normal(3, 3, 3, 2), normal(6), padding=BORDER), scale_shift(6),
        Activate(RELU),
    ),
    "normalization in front of depthwise": chain(
        (6, 6, 3), scale_shift(3), Depthwise(normal(3, 3, 3, 2), normal(6)), Activate(TANH)
    ),
    "normalization in front of a border of depthwise": chain(
        (6, 6, 3), scale_shift(3), Depthwise(normal(3, 3, 3, 1), padding=BORDER)
    ),
    "normalization between depthwise and pointwise": chain(
        (6, 6, 4), Depthwise(normal(3, 3, 4, 1), padding=BORDER), scale_shift(4),
        Activate(RELU), Convolution(normal(1, 1, 4, 5)), scale_shift(5),
    ),
    "two activations": chain((20,), Dense(normal(20, 7)), Activate(TANH), Activate(RELU)),
}  # fmt: skip


@pytest.mark.parametrize("apply", [*PASSES, optimize], ids=lambda apply: apply.__name__)
@pytest.mark.parametrize("graph", CHAINS.values(), ids=CHAINS.keys())
def test_pass_keeps_what_a_graph_computes(apply, graph):
    inputs = normal(3, *graph.inputs[0].shape)
    before = kinds(graph)
    assert_same(graph, apply(graph), inputs)
    assert kinds(graph) == before


def test_fold_behind_leaves_one_convolution():
    folded = fold_into_producers(CHAINS["normalization behind a bias"])
    assert kinds(folded) == ["Convolution", "Activate"]
    assert kinds(fuse_activations(folded)) == ["Convolution"]


def test_fold_and_fuse_leave_one_depthwise_convolution():
    assert kinds(optimize(CHAINS["normalization behind depthwise"])) == ["Depthwise"]
    assert kinds(optimize(CHAINS["normalization in front of depthwise"])) == ["Depthwise"]


def test_fold_in_front_of_depthwise_spares_borders_of_shifted_values():
    chain = CHAINS["normalization in front of a border of depthwise"]
    assert kinds(fold_into_consumers(chain)) == ["ScaleShift", "Depthwise"]


def test_fold_and_fuse_leave_two_convolutions_of_a_separable_block():
    chain = CHAINS["normalization between depthwise and pointwise"]
    assert kinds(optimize(chain)) == ["Depthwise", "Convolution"]


def test_fold_sees_through_a_reshape_of_the_sequence():
    folded = fold_into_producers(CHAINS["normalization of a sequence"])
    assert kinds(fuse_activations(folded)) == ["Convolution"]


def test_fold_in_front_spares_borders_of_shifted_values():
    assert len(kinds(fold_into_consumers(CHAINS["normalization in front"]))) == 1
    assert len(kinds(fold_into_consumers(CHAINS["normalization in front of a border"]))) == 2
    assert len(kinds(fold_into_consumers(CHAINS["scale in front of a border"]))) == 1


def test_fold_stops_at_an_activation():
    assert len(kinds(optimize(CHAINS["normalization behind an activation"]))) == 2


def test_delay_moves_costly_activations_only():
    chain = CHAINS["activation and pooling"]
    delayed = delay_activations(fuse_activations(chain))
    assert kinds(delayed) == ["Convolution", "Pooling", "Activate"]
    average = CHAINS["activation and average pooling"]
    assert kinds(delay_activations(average)) == ["Convolution", "Pooling"]


def test_pass_leaves_values_that_others_read():
    graph = Graph()
    x = graph.input((6, 6, 3))
    linear = graph.add(Convolution(normal(3, 3, 3, 3), padding=BORDER), x)
    scaled = graph.add(scale_shift(3), linear)
    active = graph.add(Activate(RELU), scaled)
    graph.output(graph.add(Add(), linear, active))
    graph.output(scaled)
    optimized = optimize(graph)
    inputs = normal(2, 6, 6, 3)
    for expected, received in zip(
        Plan(graph).run([inputs]), Plan(optimized).run([inputs]), strict=True
    ):
        np.testing.assert_array_equal(received, expected)
    assert len(kinds(optimized)) == len(kinds(graph))


WORDS = {
    "valid": Convolution(normal(1, 3, 6, 5), normal(5), activation=RELU),
    "same": Convolution(normal(1, 4, 6, 5), padding=((0, 0), (1, 2))),
    "causal, dilated": Convolution(normal(1, 3, 6, 33), padding=((0, 0), (4, 0)), dilation=(1, 2)),
    "strided": Convolution(normal(1, 2, 6, 16), strides=(1, 3), activation=TANH),
}


def word_graph(op, dtype) -> Graph:
    return chain((11,), Embedding(normal(30, 6)), (1, 11, 6), op, dtype=dtype)


@pytest.mark.parametrize("dtype", ["int32", "float32"])
@pytest.mark.parametrize("op", WORDS.values(), ids=WORDS.keys())
def test_embedding_folds_into_a_convolution(isa, op, dtype):
    graph = word_graph(op, dtype)
    folded = fold_embeddings(graph)
    assert kinds(folded) == ["EmbeddingConvolution"]
    ids = np.random.default_rng(1).integers(0, 30, (4, 11)).astype(dtype)
    assert_same(graph, folded, ids)
    once = Plan(folded).run([ids], threads=1)[0]
    for threads in (2, 7):
        np.testing.assert_array_equal(Plan(folded).run([ids], threads=threads)[0], once)


def test_embedding_folds_into_a_matrix_over_all_words():
    graph = chain((4,), Embedding(normal(30, 6)), (24,), Dense(normal(24, 3)), dtype="int32")
    folded = fold_embeddings(graph)
    assert kinds(folded) == ["EmbeddingConvolution"]
    assert_same(graph, folded, np.array([[0, 29, 3, 3], [7, 8, 9, 10]], np.int32))


def test_embedding_stays_where_products_would_fill_memory():
    words = LARGEST_TABLE // (7 * 64) + 1
    graph = chain(
        (9,), Embedding(np.zeros((words, 1), np.float32)), (1, 9, 1),
        Convolution(normal(1, 7, 1, 64)), dtype="int32",
    )  # fmt: skip
    assert kinds(fold_embeddings(graph)) == ["Embedding", "Convolution"]


@pytest.mark.parametrize("bad", [-1, 30])
def test_embedding_folded_names_a_bad_id(bad):
    plan = Plan(fold_embeddings(word_graph(WORDS["valid"], "int32")))
    ids = np.zeros((2, 11), np.int32)
    ids[1, 4] = bad
    with pytest.raises(ValueError, match=rf"Received {bad} at position \(1, 4\)"):
        plan.run([ids])


def test_embedding_convolution_gives_its_shape():
    op = EmbeddingConvolution(normal(9, 2), normal(3, 2, 4), None, 2, 1, (1, 1), RELU)
    assert op.output_shape((8,)) == (4, 4)
