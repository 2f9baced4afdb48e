"""Every supported layer against the outputs that Keras gave (golden/make_parity.py)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from cnnfast import layers
from layercases import Case, assert_close, build, read_cases

# Settings of Keras 3.15 that change no number and that its readers fill in when they are missing.
OPTIONAL_SETTINGS = {
    "input_axes",
    "output_axes",
    "quantization_config",
    "renorm",
    "renorm_clipping",
    "renorm_momentum",
    "synchronized",
}


every_case = pytest.mark.parametrize("case", list(read_cases()), ids=lambda case: case.name)


def unlike(ours: Any, theirs: Any, path: str = "") -> list[str]:
    """List where two configurations differ beyond the optional settings."""
    if not (isinstance(ours, dict) and isinstance(theirs, dict)):
        return [] if ours == theirs else [f"{path}: {ours!r} != {theirs!r}"]
    missing = theirs.keys() - ours.keys() - OPTIONAL_SETTINGS
    found = [f"{path}.{key} is missing" for key in missing]
    found += [f"{path}.{key} is unknown to Keras" for key in ours.keys() - theirs.keys()]
    for key in ours.keys() & theirs.keys():
        found += unlike(ours[key], theirs[key], f"{path}.{key}")
    return found


@every_case
def test_layer_from_keras_config_gives_keras_outputs(case: Case, isa: str) -> None:
    outputs = np.asarray(build(case)(case.arguments))
    assert outputs.dtype == np.float32
    assert_close(outputs, case.output, case.bound())


@every_case
def test_layer_with_unknown_batch_predicts_its_output_shape(case: Case) -> None:
    shapes = [(None, *array.shape[1:]) for array in case.inputs]
    shape = build(case).compute_output_shape(shapes if len(shapes) > 1 else shapes[0])
    assert tuple(shape) == (None, *case.output.shape[1:])


@every_case
def test_layer_rebuilt_from_keras_config_serializes_as_keras_does(case: Case) -> None:
    ours = json.loads(json.dumps(layers.serialize(layers.deserialize(case.layer))))
    assert unlike(ours, case.layer) == []


@every_case
def test_bound_of_a_case_is_tight_enough_to_reject_zeros(case: Case) -> None:
    assert (np.abs(case.output) > 100 * case.bound()).any()
