"""Record what Keras answers with published models, for tests/realmodels/.

Run with Keras 3 on its TensorFlow backend:

    PYTHONPATH=tests python tests/golden/make_realmodels.py

Writes realmodels.npz beside this file. For each model and sequence length: `<model>_<length>`,
the outputs float32 (3, outputs); and `letters_<length>`, the sequences as uint8 (3, length), 0 to
3 for A C G T, from a fixed seed. For the model of images, `pixels_emotion`, uint8 (3, 64, 64, 1),
and `outputs_emotion`, float32 (3, 7); it sees them as numbers from -1 to 1.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import keras
import numpy as np

from modelfiles import download

SEED = 11
SEQUENCES = 3
LENGTHS = {
    "Intron3": (60, 100, 333),
    "Intron5": (60, 100, 333),
    "Exon_prime3": (60, 100, 333),
    "Donor": (18,),
}
IMAGES = (3, 64, 64, 1)
DESTINATION = Path(__file__).parent / "realmodels.npz"


def main() -> None:
    """Download the models, run them, and write the file."""
    random = np.random.default_rng(SEED)
    lengths = sorted({length for several in LENGTHS.values() for length in several})
    letters = {
        length: random.integers(0, 4, (SEQUENCES, length), dtype=np.uint8) for length in lengths
    }
    arrays = {f"letters_{length}": letters[length] for length in lengths}
    one_hot = np.eye(4, dtype=np.float32)
    with tempfile.TemporaryDirectory() as folder:
        files = download(Path(folder))
        for name, several in LENGTHS.items():
            model = keras.models.load_model(files[f"{name}.h5"], compile=False)
            for length in several:
                outputs = model.predict(one_hot[letters[length]], verbose=0)
                arrays[f"{name}_{length}"] = outputs
                print(name, length, outputs.ravel())
        pixels = random.integers(0, 256, IMAGES, dtype=np.uint8)
        model = keras.models.load_model(files["emotion_model.hdf5"], compile=False)
        arrays["pixels_emotion"] = pixels
        arrays["outputs_emotion"] = model.predict(pixels / np.float32(127.5) - 1, verbose=0)
        print("emotion_model", arrays["outputs_emotion"])
    np.savez_compressed(DESTINATION, **arrays)


if __name__ == "__main__":
    main()
