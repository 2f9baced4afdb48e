"""What happens at fixed points of training; see `Callback` for the points."""

from cnnfast.training.callbacks.backup import BackupAndRestore
from cnnfast.training.callbacks.base import Callback, CallbackList, LambdaCallback
from cnnfast.training.callbacks.checkpoint import ModelCheckpoint
from cnnfast.training.callbacks.csv_logger import CSVLogger
from cnnfast.training.callbacks.history import History
from cnnfast.training.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from cnnfast.training.callbacks.progbar import ProgbarLogger
from cnnfast.training.callbacks.stopping import EarlyStopping, TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]
