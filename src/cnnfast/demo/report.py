"""What `cnnfast demo --train` prints and writes."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from rich.console import Console

from cnnfast import config
from cnnfast._kernels import dispatch
from cnnfast.demo import show_accuracy
from cnnfast.demo.curve import learning_curve
from cnnfast.demo.digits import load_digits, load_training_digits
from cnnfast.demo.training import SEED, Lesson, build_network, train
from cnnfast.utils import set_random_seed

FOLDER: Final = Path("cnnfast-demo")
MODEL, PICTURE = "digits.keras", "learning_curve.svg"


def learn(console: Console, folder: Path = FOLDER) -> None:
    """Train a network from scratch, print how well it reads, and save it with its curve.

    Args:
        console: where to print.
        folder: where to save; made if it is not there.

    Raises:
        FileExistsError: one of the files is there already; nothing was trained then.
        OSError: the folder cannot be made.
    """
    paths = free_places(folder)
    set_random_seed(SEED)
    model = build_network()
    model.summary(print_fn=lambda text: console.print(text, markup=False, highlight=False))
    lesson = train(model, load_training_digits())
    console.print()
    show_accuracy(console, model, load_digits())
    _show_speed(console, lesson)
    model.save(paths[0])
    paths[1].write_text(learning_curve(lesson.history), encoding="utf-8")
    console.print("\nSaved " + " and ".join(map(str, paths)), highlight=False, soft_wrap=True)


def free_places(folder: Path) -> list[Path]:
    """Make a folder, and name the files to write into it.

    Args:
        folder: to write into.

    Raises:
        FileExistsError: there is such a file.
        OSError: the folder cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in (MODEL, PICTURE)]
    for path in paths:
        if path.exists():
            raise FileExistsError(
                f"'{path}' is there already: move it away, or name another folder with --output"
            )
    return paths


def _show_speed(console: Console, lesson: Lesson) -> None:
    threads = config.get_num_threads()
    console.print(
        f"Trained for {lesson.epochs} epochs in {lesson.seconds:.1f} s on {threads} "
        f"thread{'s' * (threads > 1)} with {dispatch.active()}: "
        f"[bold]{lesson.images_per_second:,.0f} images per second[/bold].",
        highlight=False,
    )
