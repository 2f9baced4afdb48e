"""A race as a picture: bars of samples per second, and the machine's limit above them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

Record = dict[str, Any]

PALETTE = (
    "#1f77b4", "#aec7e8", "#ff7f0e", "#ffbb78", "#2ca02c", "#98df8a", "#d62728", "#ff9896",
    "#9467bd", "#c5b0d5", "#8c564b", "#c49c94", "#e377c2", "#f7b6d2", "#7f7f7f", "#bcbd22",
    "#17becf", "#9edae5",
)  # fmt: skip

# The part of the room between two networks that bars fill.
FILLED = 0.85


def draw(run: Record, path: Path) -> None:
    """Draw a run: one row of bars for batches of 1, for those of 32, for the largest of each.

    Args:
        run: of the race.
        path: of the picture; its ending says in which format.
    """
    import matplotlib.pyplot as plt  # not needed by those who draw nothing

    panels = by_batch(run["results"])
    figure, axes = plt.subplots(
        len(panels), 1, figsize=(13, 3.6 * len(panels)), squeeze=False, layout="constrained"
    )
    names = list(run["engines"])
    for axis, (title, chosen) in zip(axes[:, 0], panels.items(), strict=True):
        draw_panel(axis, title, chosen, names)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    machine = run["machine"]
    figure.suptitle(
        f"{machine['cpu']}, {run['settings']['threads']} threads, "
        f"cnnfast with {machine['instruction_set']}"
    )
    figure.savefig(path, dpi=130)
    plt.close(figure)


def by_batch(results: list[Record]) -> dict[str, list[Record]]:
    """Sort results into the panels of the picture."""
    largest: dict[str, int] = {}
    for result in results:
        name = result["workload"]
        largest[name] = max(largest.get(name, 0), result["batch"])
    panels: dict[str, list[Record]] = {}
    for result in results:
        batch = result["batch"]
        is_large = batch == largest[result["workload"]] and batch > 1
        title = "a large batch" if is_large else f"batch {batch}"
        panels.setdefault(title, []).append(result)
    return panels


def draw_panel(axis: Any, title: str, results: list[Record], engines: list[str]) -> None:
    """Draw the bars of one batch size, and over each network the limit."""
    workloads = list(dict.fromkeys(result["workload"] for result in results))
    width = FILLED / max(1, len(engines))
    for position, engine in enumerate(engines):
        places = [
            (workloads.index(result["workload"]) + (position + 0.5) * width - FILLED / 2, result)
            for result in results
            if result["engine"] == engine and "rate" in result
        ]
        axis.bar(
            [place for place, _ in places], [result["rate"] for _, result in places], width,
            label=engine, color=color(engine, position),
        )  # fmt: skip
    for place, workload in enumerate(workloads):
        draw_limit(axis, place, [result for result in results if result["workload"] == workload])
    axis.set_yscale("log")
    axis.set_ylabel("samples/s")
    axis.set_title(title, loc="left")
    axis.set_xticks(range(len(workloads)), workloads)


def color(engine: str, position: int) -> str:
    """Choose a colour: black for cnnfast."""
    return "black" if engine == "cnnfast" else PALETTE[position % len(PALETTE)]


def draw_limit(axis: Any, place: int, results: list[Record]) -> None:
    """Draw the machine's limit over the bars of one network."""
    limits = [result["limit"] for result in results if result.get("limit")]
    if limits:
        label = "the machine's limit" if place == 0 else None
        axis.hlines(
            limits[0], place - 0.5, place + 0.5, colors="black", linestyles="dashed", label=label
        )
