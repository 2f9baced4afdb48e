"""Files that real Kerases wrote: the models in them answer as they did there.

The weights of the files are random and all different, so that any two swapped arrays, a frozen
layer read in the wrong place or a wrong version of an activation show up in the outputs.
"""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

import tolerances
from cnnfast.saving import load_model, load_weights

GENERATIONS = ("keras2", "keras3")
# Number of layers that round, and the longest sum behind one number, of each model.
MODELS = {
    "convnet": (6, 16),
    "sequence": (6, 15),
    "branches": (5, 72),
    "nested": (12, 72),
    "deep": (12, 6),
    "residual": (5, 144),
}
BOTH_SIDES = 2


def arrays(path, prefix):
    with np.load(path) as file:
        return [file[key] for key in sorted(file.files) if key.startswith(prefix)]


def assert_answers_as_recorded(model, folder, name):
    inputs, expected = (arrays(folder / f"{name}.npz", prefix) for prefix in "xy")
    outputs = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
    depth, longest = MODELS[name]
    for output, recorded in zip(
        outputs if isinstance(outputs, list) else [outputs], expected, strict=True
    ):
        scale = max(1.0, float(np.abs(recorded).max()))
        bound = BOTH_SIDES * depth * tolerances.float32_sum(longest, scale)
        assert output.shape == recorded.shape
        assert np.all(np.abs(output - recorded) <= bound)


def zeroed(model):
    for variable in model.weights:
        variable.assign(np.zeros(variable.shape))
    return model


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("name", ["convnet", "sequence", "branches", "nested", "deep"])
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_load_model_of_a_real_keras_answers_as_there(golden, generation, name, suffix):
    folder = golden / generation
    assert_answers_as_recorded(load_model(folder / f"{name}{suffix}"), folder, name)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_load_model_with_sums_written_as_plus_answers_as_there(golden, suffix):
    folder = golden / "keras3"
    assert_answers_as_recorded(load_model(folder / f"residual{suffix}"), folder, "residual")


@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("name", ["nested", "sequence"])
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5", ".keras"])
def test_load_weights_of_a_real_keras_answers_as_there(golden, generation, name, suffix):
    folder = golden / generation
    model = zeroed(load_model(folder / f"{name}.keras"))
    load_weights(model, folder / f"{name}{suffix}")
    assert_answers_as_recorded(model, folder, name)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_load_weights_by_name_fills_a_nested_model_too(golden, generation):
    folder = golden / generation
    model = zeroed(load_model(folder / "nested.keras"))
    load_weights(model, folder / "nested.h5", by_name=True)
    assert_answers_as_recorded(model, folder, "nested")


def test_load_model_from_folder_file_object_and_misnamed_file(golden, tmp_path):
    folder = golden / "keras3"
    packed = folder / "convnet.keras"
    with zipfile.ZipFile(packed) as archive:
        archive.extractall(tmp_path / "unpacked")
    (tmp_path / "convnet.h5").write_bytes(packed.read_bytes())
    (tmp_path / "convnet.keras").write_bytes((folder / "convnet.h5").read_bytes())
    sources = [
        tmp_path / "unpacked",
        str(packed),
        io.BytesIO(packed.read_bytes()),
        tmp_path / "convnet.h5",
        tmp_path / "convnet.keras",
    ]
    for source in sources:
        assert_answers_as_recorded(load_model(source), folder, "convnet")


def test_load_weights_from_a_folder_fills_the_model(golden, tmp_path):
    folder = golden / "keras3"
    with zipfile.ZipFile(folder / "nested.keras") as archive:
        archive.extractall(tmp_path)
    model = zeroed(load_model(tmp_path))
    load_weights(model, tmp_path)
    assert_answers_as_recorded(model, folder, "nested")
