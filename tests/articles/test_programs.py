"""The programs in `examples/` train and learn, within a few epochs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import programs
from cnnfast import config


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Train on one thread: the same bits, and no waiting for the other where a machine is busy."""
    with config.num_threads(1):
        yield


@pytest.mark.parametrize("name", programs.names())
def test_program_loads_and_has_a_main(name: str) -> None:
    module = programs.program(name)
    assert callable(module.main)
    assert f"python examples/{name}.py" in (module.__doc__ or "")


@pytest.mark.parametrize(
    ("name", "arguments", "least"),
    [
        # A third of the wines, a tenth of the digits and half of the series and reviews are
        # told right by chance.
        ("measurements", {"epochs": 10}, 0.8),
        ("measurements", {"epochs": 5, "is_large": True}, 0.8),
        ("layer_options", {"epochs": 2}, 0.8),
        ("prices", {"epochs": 10}, 0.55),
        ("reviews", {"epochs": 4, "count": 1500}, 0.7),
        ("mnist", {"epochs": 2}, 0.9),
    ],
    ids=["measurements", "measurements large", "layer_options", "prices", "reviews", "mnist"],
)
def test_program_learns_within_a_few_epochs(
    name: str, arguments: dict[str, Any], least: float
) -> None:
    assert programs.program(name).train(seed=1, verbose=0, **arguments) >= least


def test_prices_after_more_epochs_are_told_better() -> None:
    train = programs.program("prices").train
    assert train(epochs=10, verbose=0) > train(epochs=1, verbose=0)


def test_pixels_lose_less_and_answer_as_computed_by_hand() -> None:
    module = programs.program("pixels")
    model, losses = module.train(seed=1, verbose=0)
    assert len(losses) == 50
    assert losses[-1] < losses[0]
    answers = model.predict(module.IMAGES, verbose=0)[:, 0]
    by_hand = [module.by_hand(image[..., 0], model.get_weights()) for image in module.IMAGES]
    np.testing.assert_allclose(answers, by_hand, rtol=20 * 2.0**-24)


def test_reviews_are_not_told_by_counting_words() -> None:
    module = programs.program("reviews")
    words, kind = module.make_reviews(1000, np.random.default_rng(0))
    assert words.shape == (1000, module.LENGTH)
    assert words.min() > 0
    assert words.max() < module.VOCABULARY
    praise = np.isin(words, module.PRAISE).sum(axis=1)
    blame = np.isin(words, module.BLAME).sum(axis=1)
    # What the network reaches, above 99 %, takes the word before as well.
    assert 0.7 < np.mean((praise > blame) == kind) < 0.9


def test_lines_and_grids_show_both_networks(capsys: pytest.CaptureFixture[str]) -> None:
    programs.program("lines_and_grids").main()
    shown = capsys.readouterr().out
    assert "Total params: 96" in shown
    assert "Total params: 90" in shown
