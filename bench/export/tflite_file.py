"""The network as a TensorFlow Lite model, by TensorFlow's own converter."""

from __future__ import annotations

import os
from pathlib import Path

os.environ |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}

import keras
import tensorflow as tf

from bench import model_files

FILE = "model.tflite"


def write(workload: str, folder: str) -> None:
    """Write the file, for any batch size."""
    model = model_files.load(folder, keras.models.model_from_json)
    Path(folder, FILE).write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
