"""Training: compile, fit and evaluate.

`setup.py` holds what `compile` was given, `step.py` does one step, `evaluation.py` computes losses
without one, `loop.py` goes through the data.
"""

from cnnfast.training.history import History
from cnnfast.training.loop import evaluate, fit, test_on_batch, train_on_batch
from cnnfast.training.setup import Setup, compile_model

__all__ = [
    "History",
    "Setup",
    "compile_model",
    "evaluate",
    "fit",
    "test_on_batch",
    "train_on_batch",
]
