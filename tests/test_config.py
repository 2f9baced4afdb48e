"""Settings of the whole program."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cnnfast import backend, config


@pytest.fixture(autouse=True)
def restored_settings() -> Iterator[None]:
    before = config.image_data_format(), config.epsilon()
    yield
    config.set_image_data_format(before[0])
    config.set_epsilon(before[1])
    config.set_num_threads(None)


def test_settings_at_first_are_those_of_keras() -> None:
    assert config.image_data_format() == "channels_last"
    assert config.floatx() == "float32"
    assert config.epsilon() == 1e-7
    assert config.backend() == "cnnfast"


def test_settings_through_the_backend_module_are_the_same() -> None:
    backend.set_image_data_format("channels_first")
    backend.set_epsilon(1e-5)
    assert config.image_data_format() == "channels_first"
    assert config.epsilon() == backend.epsilon() == 1e-5


@pytest.mark.parametrize("value", ["channels", "th", "", None], ids=repr)
def test_set_image_data_format_other_word_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"channels_last.*channels_first"):
        config.set_image_data_format(value)
    assert config.image_data_format() == "channels_last"


def test_set_floatx_accepts_float32_only() -> None:
    config.set_floatx("float32")
    with pytest.raises(ValueError, match="'float64'"):
        config.set_floatx("float64")


@pytest.mark.parametrize("value", [0.0, -1e-7, float("nan")])
def test_set_epsilon_not_positive_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        config.set_epsilon(value)


def test_get_num_threads_follows_set_num_threads() -> None:
    config.set_num_threads(1)
    assert config.get_num_threads() == 1
