"""The weights of Keras 3: `.weights.h5` files, alone or inside a `.keras` archive.

The variables of a layer are `<path>/vars/0`, `<path>/vars/1`, ..., where the path counts layers
by class in the order of `model.layers` and does not depend on their names.
"""

from __future__ import annotations

from collections.abc import Iterator

from cnnfast.engine.base_layer import Layer
from cnnfast.saving.hdf5 import Group, total_size
from cnnfast.saving.transfer import AS_STORED, LayerTransfer, pair
from cnnfast.saving.tree import children, own_weights

CONTAINERS = ("layers", "_layer_checkpoint_dependencies")
_SEEDS = "seed_generator"


def container(root: Group) -> str | None:
    """Return the name of the group that holds the layers, None if the file is of another kind."""
    return next((name for name in CONTAINERS if name in root), None)


def elements(root: Group) -> int:
    """Return how many numbers the file stores for the layers."""
    name = container(root)
    return total_size(root.group(name).datasets()) if name else 0


def transfers(model: Layer, root: Group) -> list[LayerTransfer]:
    """Match every layer of a model with its arrays in the file.

    Args:
        model: A built model.
        root: Root group of the file.

    Returns:
        One entry for each layer that has variables here or there.
    """
    name = container(root)
    if name is None:
        return [] if not model.weights else [LayerTransfer(model.name, problem="it has no layers")]
    found = list(_walk(model, "", root, name))
    claimed = {item.dataset.path for layer in found for item in layer.transfers}
    broken = any(layer.problem for layer in found)
    return found if broken else [*found, *_unclaimed(root.group(name), claimed)]


def _walk(layer: Layer, path: str, root: Group, name: str) -> Iterator[LayerTransfer]:
    for below, child in children(layer, name, doubled=name != CONTAINERS[0]):
        place = f"{path}/{below}" if path else below
        yield from _one(child, place, root)
        yield from _walk(child, place, root, name)


def _one(layer: Layer, place: str, root: Group) -> Iterator[LayerTransfer]:
    variables = own_weights(layer)
    folder = f"{place}/vars"
    if not variables and folder not in root:
        return
    if folder not in root:
        yield LayerTransfer(
            layer.name,
            problem=f"layer '{layer.name}' has {len(variables)} weights, "
            f"the file has nothing at '{folder}'",
        )
        return
    group = root.group(folder)
    datasets = [group.dataset(key) for key in sorted(group.names(), key=_number)]
    yield pair(layer.name, variables, datasets, [AS_STORED] * len(datasets))


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
