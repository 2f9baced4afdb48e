"""Training: compile, fit and evaluate.

`methods.py` holds what the methods of a model do, `setup.py` what `compile` was given, `step.py`
one step, `evaluation.py` losses without one, `loop.py` the way through the data.
"""

from cnnfast.training.callbacks import History
from cnnfast.training.methods import (
    compile_model,
    evaluate,
    fit,
    judge_batch,
    train_batch,
)

__all__ = ["History", "compile_model", "evaluate", "fit", "judge_batch", "train_batch"]
