"""A picture of losses and accuracies over the epochs, as SVG, which every browser shows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

WIDTH, HEIGHT = 420, 300
LEFT, TOP, RIGHT, BOTTOM = 60, 40, 20, 50
COLOURS: Final = {"training": "#1f77b4", "validation": "#d62728"}


class Panel(NamedTuple):
    """A chart of one quantity.

    Attributes:
        title: what it is.
        curves: one number for each epoch, by the name of the images it is about.
        ticks: where the horizontal lines are, lowest first; the chart ends at the outer ones.
        is_logarithmic: whether equal factors, not equal differences, are equally high.
    """

    title: str
    curves: Mapping[str, Sequence[float]]
    ticks: Sequence[float]
    is_logarithmic: bool = False


def learning_curve(history: Mapping[str, Sequence[float]]) -> str:
    """Draw loss and accuracy in training and validation.

    Args:
        history: of `fit`, with the metric "accuracy" and validation.

    Returns:
        The text of an SVG file.
    """
    loss, accuracy = (
        {"training": history[name], "validation": history[f"val_{name}"]}
        for name in ("loss", "accuracy")
    )
    panels = [
        Panel("loss", loss, decades(all_of(loss)), is_logarithmic=True),
        Panel("accuracy", accuracy, tenths(all_of(accuracy))),
    ]
    drawn = "".join(
        f'<g transform="translate({index * WIDTH} 0)">{draw(panel)}</g>\n'
        for index, panel in enumerate(panels)
    )
    width = WIDTH * len(panels)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" '
        f'width="{width}" height="{HEIGHT}" font-family="sans-serif" font-size="12">\n'
        f'<rect width="{width}" height="{HEIGHT}" fill="white"/>\n{drawn}</svg>\n'
    )


def all_of(curves: Mapping[str, Sequence[float]]) -> list[float]:
    """Put the numbers of all curves into one list."""
    return [value for curve in curves.values() for value in curve]


def decades(values: Sequence[float]) -> list[float]:
    """Give the powers of ten around positive numbers."""
    positive = [value for value in values if value > 0 and math.isfinite(value)] or [1.0]
    lowest, highest = math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive)))
    return [10.0**power for power in range(lowest, max(highest, lowest + 1) + 1)]


def tenths(values: Sequence[float]) -> list[float]:
    """Give the tenths from below the smallest of some fractions up to 1."""
    lowest = min(9, math.floor(10 * min(values)))
    return [tenth / 10 for tenth in range(lowest, 11)]


def draw(panel: Panel) -> str:
    """Draw one chart: title, lines with their numbers, curves, and the names of the curves."""
    epochs = max(len(curve) for curve in panel.curves.values())
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts = [
        label(middle, TOP / 2, panel.title, "middle"),
        label(middle, HEIGHT - BOTTOM / 4, "epoch", "middle"),
        label(LEFT, HEIGHT - BOTTOM + 18, "1", "middle"),
        label(WIDTH - RIGHT, HEIGHT - BOTTOM + 18, str(epochs), "middle"),
    ]
    for tick in panel.ticks:
        y = height_of(panel, tick)
        ends = f'x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"'
        parts += [f'<line {ends} stroke="#ddd"/>', label(LEFT - 6, y + 4, f"{tick:g}", "end")]
    for place, (name, curve) in enumerate(panel.curves.items()):
        steps = (WIDTH - LEFT - RIGHT) / max(1, epochs - 1)
        points = " ".join(
            f"{LEFT + index * steps:.1f},{height_of(panel, value):.1f}"
            for index, value in enumerate(curve)
        )
        colour = COLOURS[name]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}"/>')
        parts.append(label(LEFT + 80 * place, TOP - 6, name, "start", colour))
    return "\n".join(parts)


def height_of(panel: Panel, value: float) -> float:
    """Place a number of a chart, no further than its outer lines."""
    inside = min(max(value, panel.ticks[0]), panel.ticks[-1])
    scale = math.log10 if panel.is_logarithmic else float
    lowest, highest = scale(panel.ticks[0]), scale(panel.ticks[-1])
    share = (scale(inside) - lowest) / (highest - lowest)
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def label(x: float, y: float, text: str, anchor: str, colour: str = "#333") -> str:
    """Write a few words."""
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'
