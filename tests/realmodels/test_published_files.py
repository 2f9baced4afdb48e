"""Model files of published packages, against the outputs Keras gives with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import cnnfast
import tolerances
from modelfiles import download

pytestmark = pytest.mark.realmodels

GOLDEN = Path(__file__).parents[1] / "golden" / "realmodels.npz"
ONE_HOT = np.eye(4, dtype=np.float32)
# Adam kept other arrays before Keras 2.11, which are not read.
OLD_STATE = "ignore:The state of optimizer 'adam"
# Three layers with sums, a normalization and an activation, and Keras's own rounding.
LAYERS_AND_BOTH_SIDES = 8
# The network of images: 7 convolutions, 8 separable ones of two sums each, and a mean.
KERNELS_AND_BOTH_SIDES = 2 * 24
LONGEST_DOT = 9 * 128


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return download(tmp_path_factory.mktemp("published"))


def read_recorded() -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    with np.load(GOLDEN) as golden:
        for key in golden.files:
            name, length = key.rsplit("_", 1)
            if name not in ("letters", "pixels", "outputs"):
                yield name, golden[f"letters_{length}"], golden[key]


RECORDED = list(read_recorded())


def bound(outputs: np.ndarray, longest_sum: int, magnitude: float) -> np.ndarray:
    """Bound the difference of two float32 evaluations by the longest sum behind the outputs."""
    scale = np.maximum(np.abs(outputs), magnitude)
    return LAYERS_AND_BOTH_SIDES * tolerances.float32_sum(longest_sum, scale)


@pytest.mark.parametrize(
    ("name", "letters", "expected"),
    RECORDED,
    ids=[f"{name}-{letters.shape[1]}" for name, letters, _ in RECORDED],
)
@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.filterwarnings(OLD_STATE)
def test_published_model_at_any_length_predicts_what_keras_predicts(
    files: dict[str, Path],
    name: str,
    letters: np.ndarray,
    expected: np.ndarray,
    compiled: bool,
    isa: str,
) -> None:
    model = cnnfast.models.load_model(files[f"{name}.h5"], compile=compiled)
    outputs = model.predict(ONE_HOT[letters], verbose=0)
    assert outputs.shape == expected.shape
    largest_weight = max(float(np.abs(weights).max()) for weights in model.get_weights())
    tolerance = bound(expected, letters.shape[1], largest_weight)
    assert (np.abs(outputs - expected) <= tolerance).all()


def test_variable_length_model_gives_the_same_row_alone_and_in_a_batch(
    files: dict[str, Path],
) -> None:
    model = cnnfast.models.load_model(files["Intron3.h5"])
    letters = RECORDED[0][1]
    together = model.predict(ONE_HOT[letters], verbose=0)
    alone = model.predict(ONE_HOT[letters[:1]], verbose=0)
    np.testing.assert_array_equal(together[:1], alone)


@pytest.mark.parametrize("compiled", [False, True], ids=["plain", "compiled"])
@pytest.mark.filterwarnings(OLD_STATE)
def test_published_model_of_images_predicts_what_keras_predicts(
    files: dict[str, Path], compiled: bool, isa: str
) -> None:
    with np.load(GOLDEN) as golden:
        pixels, expected = golden["pixels_emotion"], golden["outputs_emotion"]
    model = cnnfast.models.load_model(files["emotion_model.hdf5"], compile=compiled)
    outputs = model.predict(pixels / np.float32(127.5) - 1, verbose=0)
    assert outputs.shape == expected.shape
    # Softmax turns the logits' error into one relative to the probabilities.
    tolerance = KERNELS_AND_BOTH_SIDES * tolerances.float32_sum(LONGEST_DOT, expected)
    assert (np.abs(outputs - expected) <= tolerance).all()


def test_custom_layer_in_a_published_file_is_named_with_the_way_out(
    files: dict[str, Path],
) -> None:
    with pytest.raises(ValueError, match="GlobalAveragePooling1D_Mask0") as raised:
        cnnfast.models.load_model(files["Exon.h5"])
    assert "custom_objects" in str(raised.value)
