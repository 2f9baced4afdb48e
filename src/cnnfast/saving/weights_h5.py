"""The weights of Keras 3: `.weights.h5` files, alone or inside a `.keras` archive.

The variables of a layer are `<path>/vars/0`, `<path>/vars/1`, ..., where the path counts layers
by class in the order of `model.layers` and does not depend on their names.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator

from cnnfast.engine.base_layer import Layer
from cnnfast.saving.compiled import optimizer_of
from cnnfast.saving.hdf5 import Dataset, Group, total_size
from cnnfast.saving.transfer import AS_STORED, LayerTransfer, pair, pair_state
from cnnfast.saving.tree import own_weights, stored_layers

CURRENT, DOUBLED = "layers", "_layer_checkpoint_dependencies"
_OPTIMIZER, _VARIABLES, _SEEDS = "optimizer", "vars", "seed_generator"


def is_weights(root: Group) -> bool:
    """Tell whether an HDF5 file is one of these, by the groups that all of them have."""
    return any(name in root for name in (CURRENT, DOUBLED, _VARIABLES))


def elements(root: Group) -> int:
    """Return how many numbers the file stores for the layers."""
    names = [name for name in root.names() if name != _OPTIMIZER]
    groups = [member for member in map(root.member, names) if isinstance(member, Group)]
    return sum(total_size(group.datasets()) for group in groups)


def transfers(model: Layer, root: Group) -> list[LayerTransfer]:
    """Match every layer of a model with its arrays in the file.

    Args:
        model: A built model.
        root: Root group of the file.

    Returns:
        One entry for each layer that has variables here or there, and one for the optimizer if
        both have one. A warning tells if the file's optimizer is another.
    """
    name = DOUBLED if DOUBLED in root else CURRENT
    found: list[LayerTransfer] = []
    seen: set[int] = set()
    for place, layer in stored_layers(model, name, doubled=name == DOUBLED):
        # Keras stores a layer only at the first of its places.
        if id(layer) not in seen or _folder(place) in root:
            found += _one(layer, place, root)
        seen.add(id(layer))
    claimed = {item.dataset.path for layer in found for item in layer.transfers}
    if not any(layer.problem for layer in found) and name in root:
        found += _unclaimed(root.group(name), claimed)
    return [*found, *_of_optimizer(model, root)]


def _one(layer: Layer, place: str, root: Group) -> Iterator[LayerTransfer]:
    variables = own_weights(layer)
    folder = _folder(place)
    if not variables and folder not in root:
        return
    if folder not in root:
        yield LayerTransfer(
            layer.name,
            problem=f"layer '{layer.name}' has {len(variables)} weights, "
            f"the file has nothing at '{folder}'",
        )
        return
    datasets = _datasets(root.group(folder))
    yield pair(layer.name, variables, datasets, [AS_STORED] * len(datasets))


def _folder(place: str) -> str:
    return f"{place}/{_VARIABLES}" if place else _VARIABLES


def _of_optimizer(model: Layer, root: Group) -> Iterator[LayerTransfer]:
    optimizer, folder = optimizer_of(model), _folder(_OPTIMIZER)
    if optimizer is None or folder not in root:
        return
    variables, datasets = optimizer.variables, _datasets(root.group(folder))
    transfer = pair_state(optimizer.name, variables, datasets)
    if transfer is not None:
        yield transfer
        return
    warnings.warn(
        f"Skipping variable loading for optimizer '{optimizer.name}', because it has "
        f"{len(variables)} variables whereas the saved optimizer has {len(datasets)} variables.",
        stacklevel=5,
    )


def _datasets(group: Group) -> list[Dataset]:
    return [group.dataset(key) for key in sorted(group.names(), key=_number)]


def _number(key: str) -> tuple[int, str]:
    return (int(key), key) if key.isascii() and key.isdigit() and len(key) < 10 else (-1, key)


def _unclaimed(group: Group, claimed: set[str]) -> Iterator[LayerTransfer]:
    extra = [
        dataset.path
        for dataset in group.datasets()
        if dataset.path not in claimed and _SEEDS not in dataset.path
    ]
    if extra:
        yield LayerTransfer(
            extra[0], problem=f"the file has {len(extra)} more, the first at '{extra[0]}'"
        )
