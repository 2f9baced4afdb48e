from __future__ import annotations

import numpy as np

from bench.agreement import TOLERANCES, consensus, difference, disagreements

EXACT, COARSE = TOLERANCES["float32"], TOLERANCES["bfloat16"]
RIGHT = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)


def test_disagreements_of_equals_are_none() -> None:
    assert disagreements({"a": RIGHT, "b": RIGHT.copy()}, {"a": EXACT, "b": EXACT}) == {}


def test_disagreements_condemn_the_one_that_differs_whoever_comes_first() -> None:
    outputs = {"odd": RIGHT + 1, "a": RIGHT, "b": RIGHT}
    found = disagreements(outputs, dict.fromkeys(outputs, EXACT))
    assert list(found) == ["odd"]
    assert found["odd"].startswith("outputs differ by 2.5e-01")


def test_disagreements_of_two_condemn_both() -> None:
    outputs = {"a": RIGHT, "b": RIGHT + 1}
    assert set(disagreements(outputs, dict.fromkeys(outputs, EXACT))) == {"a", "b"}


def test_disagreements_hold_a_coarse_engine_to_its_own_tolerance() -> None:
    outputs = {"a": RIGHT, "b": RIGHT, "coarse": RIGHT * 1.1}
    tolerances = {"a": EXACT, "b": EXACT, "coarse": COARSE}
    assert disagreements(outputs, tolerances) == {}
    assert set(disagreements(outputs, dict.fromkeys(outputs, EXACT))) == {"coarse"}


def test_disagreements_are_settled_by_the_most_exact() -> None:
    outputs = {"a": RIGHT, "x": RIGHT * 2, "y": RIGHT * 2}
    found = disagreements(outputs, {"a": EXACT, "x": COARSE, "y": COARSE})
    assert set(found) == {"x", "y"}


def test_disagreements_of_nobody_are_none() -> None:
    assert disagreements({}, {}) == {}


def test_disagreements_name_wrong_shapes_and_nan() -> None:
    outputs = {"a": RIGHT, "b": RIGHT, "flat": RIGHT.ravel(), "nan": RIGHT * np.nan}
    found = disagreements(outputs, dict.fromkeys(outputs, EXACT))
    assert found == {
        "flat": "outputs have shape (4,), not (2, 2)",
        "nan": "outputs are not finite",
    }


def test_consensus_of_nothing_finite_is_still_something_to_differ_from() -> None:
    assert np.isnan(consensus([RIGHT * np.nan])).all()


def test_difference_within_rounding_is_none() -> None:
    assert difference(RIGHT, RIGHT * np.float32(1 + EXACT / 2), EXACT) is None
    assert difference(RIGHT, RIGHT * np.float32(1 + EXACT * 2), EXACT) is not None
