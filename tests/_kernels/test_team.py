"""Who may use several threads."""

from __future__ import annotations

import os
import sys
import threading
import warnings

import numpy as np
import pytest

from cnnfast._kernels import team
from cnnfast._kernels.dense import Dense
from cnnfast._kernels.executor import Program


def big_program() -> tuple[Program, np.ndarray]:
    """Give a program with enough work for several threads, and inputs for it."""
    random = np.random.default_rng(3)
    kernel = random.standard_normal((256, 128), dtype=np.float32)
    dense = Dense(1, kernel, None, ("linear", 0.0, np.inf, 0.0))
    program = Program([(dense, (("input", 0, 256),), ("output", 0, 128))], (256,), (128,), 0)
    return program, random.standard_normal((512, 256), dtype=np.float32)


def test_claim_a_second_caller_runs_serially():
    assert team.claim(4) == 4
    try:
        seen = []
        other = threading.Thread(target=lambda: seen.append(team.claim(4)))
        other.start()
        other.join()
        assert seen == [1]
    finally:
        team.release()
    assert team.claim(3) == 3
    team.release()


def test_claim_one_thread_takes_no_team():
    assert team.claim(1) == 1
    assert team.claim(2) == 2
    team.release()


def test_program_from_many_python_threads_gives_the_same_bits():
    program, inputs = big_program()
    expected = np.empty((512, 128), np.float32)
    program.run([inputs], [expected], 512, 1)
    results = [np.empty((512, 128), np.float32) for _ in range(8)]
    workers = [
        threading.Thread(target=program.run, args=([inputs], [result], 512, 2))
        for result in results
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for result in results:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_program_in_a_forked_child_runs_and_warns_once():
    program, inputs = big_program()
    expected = np.empty((512, 128), np.float32)
    program.run([inputs], [expected], 512, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        os._exit(child_exit_code(program, inputs, expected))
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


def child_exit_code(program: Program, inputs: np.ndarray, expected: np.ndarray) -> int:
    """In the child: predict twice; 0 where both are right and exactly one warning came."""
    outputs = np.zeros_like(expected)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(2):
            program.run([inputs], [outputs], 512, 2)
    right = np.array_equal(outputs, expected) and len(caught) == 1
    sys.stdout.flush()
    return 0 if right else 1
