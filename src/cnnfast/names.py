"""Automatic names: "conv2d", then "conv2d_1", counted over the whole program."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_counts: Counter[str] = Counter()


def to_snake_case(name: str) -> str:
    """Spell a class name the way automatic layer names do.

    Args:
        name: a class name, such as "MaxPooling2D" or "PReLU".

    Returns:
        The snake case spelling: "max_pooling2d", "p_re_lu".

    Source: Keras 3's rule for automatic names.
    """
    letters = re.sub(r"\W+", "", name)
    words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", letters)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()


def unique_name(prefix: str) -> str:
    """Count up the names that start with a prefix.

    Args:
        prefix: "conv2d", say.

    Returns:
        "conv2d" the first time, then "conv2d_1", "conv2d_2" and so on.
    """
    count = _counts[prefix]
    _counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def reset_names() -> None:
    """Start every automatic name again without a number."""
    _counts.clear()


def unknown(kind: str, identifier: object, known: Iterable[str]) -> ValueError:
    """Make the error for a name that means nothing, with the name that was probably meant.

    Args:
        kind: of thing, "loss" say.
        identifier: what the user gave.
        known: the names there are.
    """
    from difflib import get_close_matches  # for errors only

    names = sorted(known)
    spelled = {name.lower(): name for name in names}
    close = get_close_matches(str(identifier).lower(), spelled, 1)
    hint = f" Did you mean {spelled[close[0]]!r}?" if close else ""
    kinds = f"{kind}es" if kind.endswith("s") else f"{kind}s"
    return ValueError(
        f"There is no {kind} {identifier!r}.{hint} Known {kinds}: {', '.join(names)}."
    )
