"""Works that share one parallel region: every unit once, in order, and nothing behind a failure."""

from __future__ import annotations

import itertools
import threading
from typing import Any

import numpy as np
import pytest

from cnnfast._kernels import team
from cnnfast._kernels.embedding import Embedding
from cnnfast._kernels.optimizer import Updates
from cnnfast._kernels.region import Work, share
from cnnfast._kernels.row_updates import RowUpdates
from cnnfast._kernels.table_gradient import TableGradient
from cnnfast._kernels.trainer import TrainingProgram

THREADS = pytest.mark.parametrize("threads", [1, 2, 7])

# Units of an optimizer are 1024 floats; beyond 64 of them it asks for threads.
LARGE = 200 * 1024 + 77
WORDS, IMAGES, COLUMNS = 50, 4096, 16


def addition(target: np.ndarray, source: np.ndarray, **options: Any) -> Updates:
    """Give a work that adds `source` to `target`: gradient descent with a rate of -1."""
    updates = Updates("sgd", [(target, source, [], True)], **options)
    updates.set_numbers((-1.0,))
    return updates


def mirrored(target: np.ndarray, source: np.ndarray) -> Updates:
    """Give a work that adds the rows of `source` to those of `target`, the last to the first."""
    rows = zip(target, source[::-1], strict=True)
    updates = Updates("sgd", [(one, other, [], True) for one, other in rows])
    updates.set_numbers((-1.0,))
    return updates


def look_up() -> TrainingProgram:
    """Give a program that looks up a row for each image: large, and failing for a bad id."""
    table = np.arange(WORDS * COLUMNS, dtype=np.float32).reshape(WORDS, COLUMNS)
    embedding = Embedding(1, table, True)
    return TrainingProgram(
        [(embedding, (("input", 0, 1),), ("output", 0, COLUMNS))],
        ((0, 1, 1, 0, 0),), (1,), (COLUMNS,), 0, 0, 0, (),
    )  # fmt: skip


def run(program: TrainingProgram, ids: np.ndarray, threads: int, **around: Any) -> float | None:
    nothing = np.zeros(0, np.float32)
    outputs = [np.empty((len(ids), COLUMNS), np.float32)]
    return program.run([ids], outputs, nothing, nothing, len(ids), (8,), 16, threads, **around)


def ids(bad: int | None = None) -> np.ndarray:
    """Give ids, one of them outside the table if a place is named."""
    found = (np.arange(IMAGES, dtype=np.int32) % WORDS).reshape(-1, 1)
    if bad is not None:
        found[bad] = WORDS
    return found


@THREADS
@pytest.mark.parametrize("size", [0, 1, 1023, 1025, LARGE])
def test_every_unit_is_done_once_for_each_time_its_work_is_listed(threads: int, size: int) -> None:
    target, source = np.zeros(size, np.float32), np.arange(size, dtype=np.float32)
    work = addition(target, source)
    large = addition(np.zeros(LARGE, np.float32), np.ones(LARGE, np.float32))
    for times in (1, 2, 3):
        assert share([work, large], threads)
        np.testing.assert_array_equal(target, times * source)


@THREADS
def test_works_come_in_their_order(threads: int) -> None:
    arrays = [np.zeros((16, LARGE // 16), np.float32) for _ in range(9)]
    arrays[0][:] = np.arange(arrays[0].size).reshape(16, -1)
    # The first units of each read what the last ones of the work before wrote.
    chain = [mirrored(later, earlier) for earlier, later in itertools.pairwise(arrays)]
    for _ in range(20):
        for array in arrays[1:]:
            array[:] = 0.0
        assert share(chain, threads)
        for place, array in enumerate(arrays):
            np.testing.assert_array_equal(array, arrays[0][:: -1 if place % 2 else 1])


@THREADS
def test_what_ends_a_part_is_done_between_it_and_the_next(threads: int) -> None:
    ones, target = np.ones(LARGE, np.float32), np.zeros(LARGE, np.float32)
    limited = addition(target, ones, norm_limit=1.0)
    for _ in range(5):
        target[:] = 0.0
        assert share([addition(ones, np.zeros(LARGE, np.float32)), limited], threads)
        assert np.unique(target).size == 1
        assert np.linalg.norm(target.astype(np.float64)) == pytest.approx(1.0, rel=1e-6)


@THREADS
def test_no_work_is_done_at_once(threads: int) -> None:
    assert share([], threads)
    assert share([addition(np.zeros(0, np.float32), np.zeros(0, np.float32))], threads)


@THREADS
@pytest.mark.parametrize("bad", [0, IMAGES // 2, IMAGES - 1])
def test_a_failure_stops_what_follows_and_nothing_else(threads: int, bad: int) -> None:
    earlier, later = np.zeros(LARGE, np.float32), np.zeros(LARGE, np.float32)
    ones, program = np.ones(LARGE, np.float32), look_up()
    around = {"before": [addition(earlier, ones)], "behind": [addition(later, ones)]}
    for times in range(1, 4):
        assert run(program, ids(bad), threads, **around) is None
        assert (earlier == times).all()
        assert not later.any()
    assert run(program, ids(), threads, **around) == 0.0
    assert (earlier == times + 1).all()
    assert (later == 1).all()


@THREADS
def test_a_failure_leaves_tables_as_the_last_batch_left_them(threads: int) -> None:
    sums, table = np.zeros((WORDS, 32), np.float32), np.zeros(WORDS * 32, np.float32)
    whole, first = TableGradient(sums), np.full((2, 32), 3.0, np.float32)
    updates = Updates("sgd", [(table, sums.reshape(-1), [], True)])
    updates.set_numbers((-1.0,))
    rows = RowUpdates(updates, 0, 32)
    works: list[Any] = [whole, rows]
    for chosen, expected in ((None, 3.0), (7, 3.0), (None, 6.0)):
        for work in works:
            work.clear()
            work.add(np.array([4, 9], np.int32), first)
        is_done = run(look_up(), ids(chosen), threads, behind=works) is not None
        assert is_done == (chosen is None)
        np.testing.assert_array_equal(np.flatnonzero(sums.any(axis=1)), [4, 9])
        assert (sums[[4, 9]] == 3.0).all()
        assert (table.reshape(WORDS, 32)[[4, 9]] == expected).all()
        assert np.count_nonzero(table) == 64


def test_the_team_is_given_back_whether_or_not_all_was_done() -> None:
    ones = np.ones(LARGE, np.float32)
    share([addition(ones.copy(), ones)], 2)
    run(look_up(), ids(5), 2)
    with pytest.raises(TypeError):
        share([addition(ones.copy(), ones), "no work"], 2)
    assert team.claim(2) == 2
    team.release()


def test_regions_of_many_python_threads_do_not_mix() -> None:
    ones = np.ones(LARGE, np.float32)
    targets = [np.zeros(LARGE, np.float32) for _ in range(6)]
    works: list[Work] = [addition(target, ones) for target in targets]
    callers = [
        threading.Thread(target=lambda work=work: [share([work, work], 2) for _ in range(20)])
        for work in works
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for target in targets:
        assert (target == 40).all()
