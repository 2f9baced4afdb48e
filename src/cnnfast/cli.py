"""The command `cnnfast`: show that it works, look into a model file, predict from one.

    cnnfast demo                               read digits, and tell how fast
    cnnfast demo --train [-o FOLDER]           learn to read digits, from scratch
    cnnfast info                               what this machine and installation offer
    cnnfast summary FILE                       the layers of a model file
    cnnfast predict FILE INPUT.npy [-o OUT]    the outputs for an array of samples

Exit codes: 0 done, 2 the arguments or the files do not fit, with one line on stderr.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import cnnfast
from cnnfast import config
from cnnfast._kernels import dispatch

WRONG_USE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: words after the command's name; the process's own if None.

    Returns:
        The exit code.
    """
    options = parser().parse_args(arguments)
    try:
        options.run(options)
    except (OSError, ValueError, TypeError) as error:
        print(f"cnnfast: {one_line(error)}", file=sys.stderr)
        return WRONG_USE
    return 0


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    root = argparse.ArgumentParser(
        prog="cnnfast", description="Convolutional networks of Keras on a CPU, without TensorFlow."
    )
    root.add_argument("--version", action="version", version=f"cnnfast {cnnfast.__version__}")
    commands = root.add_subparsers(metavar="COMMAND", required=True)

    demo = commands.add_parser("demo", help="read handwritten digits, and tell how fast")
    demo.add_argument("--train", action="store_true", help="learn to read them, from scratch")
    demo.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FOLDER",
        help="where --train saves the network and its learning curve; cnnfast-demo if left out",
    )
    demo.set_defaults(run=run_demo)

    info = commands.add_parser("info", help="what this machine and installation offer")
    info.set_defaults(run=run_info)

    summary = commands.add_parser("summary", help="show the layers of a model file")
    summary.add_argument("file", type=Path, help="a .keras, .h5 or .hdf5 file")
    summary.set_defaults(run=run_summary)

    predict = commands.add_parser("predict", help="compute a model's outputs for samples")
    predict.add_argument("file", type=Path, help="a .keras, .h5 or .hdf5 file")
    predict.add_argument(
        "input", type=Path, help="a .npy array of samples, or an .npz with one array per input"
    )
    predict.add_argument(
        "-o",
        "--output",
        type=Path,
        help="where to save the outputs: .npy, or .npz for several; printed if left out",
    )
    predict.set_defaults(run=run_predict)
    return root


def run_demo(options: argparse.Namespace) -> None:
    """Carry out `cnnfast demo`."""
    from rich.console import Console

    from cnnfast import demo
    from cnnfast.demo import report

    if options.train:
        report.learn(Console(), options.output or report.FOLDER)
    elif options.output is not None:
        raise ValueError("demo: --output needs --train, for nothing is saved without it")
    else:
        demo.show(Console())


def run_info(_: argparse.Namespace) -> None:
    """Carry out `cnnfast info`."""
    threads = f"{config.get_num_threads()} of {os.cpu_count()} logical cores"
    facts = {
        "cnnfast": cnnfast.__version__,
        "instructions": f"{dispatch.active()} (this CPU runs {', '.join(dispatch.available())})",
        "OpenMP": "yes" if dispatch.openmp() else "no: kernels use one thread",
        "threads": threads,
        "Python": f"{platform.python_version()} on {platform.platform()}",
        "numpy": version("numpy"),
        "h5py": version("h5py"),
    }
    for name, fact in facts.items():
        print(f"{name:14}{fact}")


def run_summary(options: argparse.Namespace) -> None:
    """Carry out `cnnfast summary`."""
    cnnfast.load_model(options.file).summary()


def run_predict(options: argparse.Namespace) -> None:
    """Carry out `cnnfast predict`."""
    samples = read_samples(options.input)
    outputs = cnnfast.load_model(options.file).predict(samples, verbose=0)
    if options.output is None:
        print(outputs)
    else:
        save_outputs(options.output, outputs)


def read_samples(path: Path) -> Any:
    """Open an array of samples without reading it, or read the arrays of an .npz by name.

    Args:
        path: a .npy or .npz file.

    Raises:
        OSError: there is no such file.
        ValueError: it holds no plain arrays.
    """
    try:
        loaded = np.load(path, mmap_mode="r", allow_pickle=False)
    except (EOFError, ValueError) as error:
        raise ValueError(f"'{path}' is not a .npy or .npz file of numbers") from error
    return loaded if isinstance(loaded, np.ndarray) else dict(loaded)


def save_outputs(path: Path, outputs: Any) -> None:
    """Write one array as .npy, several as .npz, all or nothing.

    Args:
        path: the file to write or to replace.
        outputs: an array, or a list or dict of arrays, as `predict` returns them.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:
            if isinstance(outputs, np.ndarray):
                np.save(file, outputs)
            else:
                np.savez(file, **by_name(outputs))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def by_name(outputs: Any) -> dict[str, Any]:
    """Name the arrays of a list output_0, output_1, ...; a dict has names."""
    if isinstance(outputs, dict):
        return outputs
    return {f"output_{index}": array for index, array in enumerate(outputs)}


def one_line(error: BaseException) -> str:
    """Put an error's message on one line; errors of the system are told with their file."""
    return " ".join(str(error).split()) or type(error).__name__
