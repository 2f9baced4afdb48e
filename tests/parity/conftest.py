"""The live oracle: Keras on TensorFlow, where both can be imported."""

from __future__ import annotations

import os
import warnings
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def keras() -> ModuleType:
    """Import Keras on its TensorFlow backend, or skip; its own warnings are not ours."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("tensorflow", exc_type=ImportError)
        module = pytest.importorskip("keras", exc_type=ImportError)
    if module.backend.backend() != "tensorflow":
        pytest.skip(f"the oracle is Keras on TensorFlow; found {module.backend.backend()}")
    return module
