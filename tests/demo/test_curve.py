"""The picture of a training: well-formed, and every point where its number belongs."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from cnnfast.demo import curve

HISTORY = {
    "loss": [2.0, 0.3, 0.05],
    "val_loss": [1.0, 0.2, 0.1],
    "accuracy": [0.45, 0.9, 1.0],
    "val_accuracy": [0.6, 0.95, 0.97],
}
SVG = "{http://www.w3.org/2000/svg}"


def points(text: str) -> list[list[tuple[float, float]]]:
    lines = ElementTree.fromstring(text).iter(f"{SVG}polyline")
    return [
        [tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()]
        for line in lines
    ]


def test_learning_curve_has_a_point_for_each_epoch_of_each_curve() -> None:
    assert [len(line) for line in points(curve.learning_curve(HISTORY))] == [3, 3, 3, 3]


def test_learning_curve_is_higher_where_numbers_are() -> None:
    lines = points(curve.learning_curve(HISTORY))
    for name, line in zip(("loss", "val_loss", "accuracy", "val_accuracy"), lines, strict=True):
        order = sorted(range(3), key=lambda epoch: -line[epoch][1])
        assert order == sorted(range(3), key=lambda epoch: HISTORY[name][epoch])


def test_learning_curve_of_one_epoch_and_of_losses_that_exploded_is_drawn() -> None:
    short = {name: values[:1] for name, values in HISTORY.items()} | {"loss": [float("inf")]}
    assert [len(line) for line in points(curve.learning_curve(short))] == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.05, 2.0], [0.01, 0.1, 1, 10]), ([0.0, 1.0], [1, 10]), ([0.0], [1, 10])],
)
def test_decades_surround_the_numbers(values: list[float], expected: list[float]) -> None:
    assert curve.decades(values) == pytest.approx(expected)


@pytest.mark.parametrize(("values", "first"), [([0.45, 1.0], 0.4), ([1.0], 0.9), ([0.0], 0.0)])
def test_tenths_end_at_one(values: list[float], first: float) -> None:
    ticks = curve.tenths(values)
    assert (ticks[0], ticks[-1]) == (first, 1.0)
