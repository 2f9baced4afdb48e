"""Noise during training; predictions pass unchanged."""

from __future__ import annotations

from typing import Any

from cnnfast.layers import checks
from cnnfast.layers.core import Dropout, Identity


class GaussianNoise(Identity):
    """Add normal noise of mean 0 during training.

    Args:
        stddev: standard deviation of the noise, between 0 and 1.
        seed: makes the draws repeatable.
        **kwargs: see `Layer`.
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.stddev = checks.fraction(self, "stddev", stddev)
        self.seed = checks.optional_integer(self, "seed", seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "stddev": self.stddev, "seed": self.seed}


class GaussianDropout(Identity):
    """Multiply by normal noise of mean 1 and variance rate / (1 - rate) during training.

    Args:
        rate: as in `Dropout`, between 0 and 1.
        seed: makes the draws repeatable.
        **kwargs: see `Layer`.

    Source: Srivastava et al. (2014), JMLR 15:1929, section 10.
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = checks.fraction(self, "rate", rate)
        self.seed = checks.optional_integer(self, "seed", seed)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}


class AlphaDropout(Dropout):
    """Drop inputs to the negative limit of SELU during training, keeping mean and variance.

    The arguments are those of `Dropout`.

    Source: Klambauer et al. (2017), arXiv:1706.02515.
    """
