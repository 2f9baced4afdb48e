"""The command `python -m bench`.

    python -m bench race       whole networks against the peers
    python -m bench latency    one sample at a time against the peers
    python -m bench scale      the same for growing batches and numbers of threads
    python -m bench train      samples a second of training against the peers
    python -m bench precision  outputs against float64, peers' and cnnfast's
    python -m bench micro      each kernel against the machine's own limit
    python -m bench fixed      what a call, an import and a large prediction cost besides
    python -m bench compare    two files of results

Run it from the repository, with the package and its extra `bench` installed.
"""

from __future__ import annotations

import argparse

from bench import compare, fixed, instruction_sets, latency, micro, precision, race, scale, train

COMMANDS = {
    "race": race,
    "latency": latency,
    "scale": scale,
    "train": train,
    "precision": precision,
    "micro": micro,
    "fixed": fixed,
    "compare": compare,
}


def main() -> None:
    """Run one of the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Benchmarks of cnnfast.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, module in COMMANDS.items():
        module.add_arguments(commands.add_parser(name, help=(module.__doc__ or "").split("\n")[0]))
    options = parser.parse_args()
    if getattr(options, "isa", None):
        instruction_sets.hold_to(options.isa)
    COMMANDS[options.command].main(options)


if __name__ == "__main__":
    main()
