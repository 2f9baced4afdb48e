"""Training: compile, fit and evaluate.

`methods.py` holds what the methods of a model do, `setup.py` what `compile` was given, `step.py`
one step, `evaluation.py` losses without one, `loop.py` the way through the data.
"""

from cnnfast.training.callbacks import History
from cnnfast.training.compiled import compile_from_config, describe_setup
from cnnfast.training.methods import (
    FitOptions,
    compile_model,
    evaluate,
    fit,
    judge_batch,
    setup_of,
    train_batch,
)

__all__ = [
    "FitOptions",
    "History",
    "compile_from_config",
    "compile_model",
    "describe_setup",
    "evaluate",
    "fit",
    "judge_batch",
    "setup_of",
    "train_batch",
]
