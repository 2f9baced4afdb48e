"""Random streams: frozen bits, laws and where a seed comes from that nobody gives."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from cnnfast import random

COUNT = 40_000
LAWS: dict[str, Callable[..., np.ndarray]] = {
    "uniform": random.uniform,
    "normal": random.normal,
    "truncated_normal": random.truncated_normal,
}

# A statistic of independent draws lies further off than this many standard errors once in 10^9.
STANDARD_ERRORS = 6.0

CHECKSUMS = {
    ("uniform", 0): "98441e47c2fac327",
    ("uniform", 13): "5fd80ea22f0e118e",
    ("uniform", 2**32 - 1): "d86ce287ac0d3188",
    ("normal", 0): "805ce14c084b0694",
    ("normal", 13): "c8b61dd68150ed51",
    ("normal", 2**32 - 1): "591f8018789229b5",
    ("truncated_normal", 0): "4783fc91f431cc59",
    ("truncated_normal", 13): "9c8926057ae3d326",
    ("truncated_normal", 2**32 - 1): "e5f93b3afdc7b206",
}


@pytest.fixture(autouse=True)
def restored_seeds() -> Iterator[None]:
    """Leave the streams that a test seeds as they were."""
    state = np.random.get_state()
    yield
    random.set_seed(None)
    np.random.set_state(state)


def checksum(values: np.ndarray) -> str:
    """Hash the little-endian float32 bytes of an array."""
    return hashlib.sha256(values.astype("<f4").tobytes()).hexdigest()[:16]


@pytest.mark.parametrize(("law", "seed"), CHECKSUMS)
def test_law_with_a_seed_gives_the_recorded_bits(law: str, seed: int) -> None:
    values = LAWS[law]((100, 101), seed=seed)
    assert checksum(values) == CHECKSUMS[law, seed]


def test_uniform_draws_spread_evenly_over_the_interval() -> None:
    values = random.uniform((COUNT,), -1.0, 3.0, dtype="float64", seed=1)
    width = 4.0
    mean_error = STANDARD_ERRORS * width / math.sqrt(12 * COUNT)
    assert abs(values.mean() - 1.0) < mean_error
    # The variance of the squared deviation of an even law is width^4 / 180.
    variance_error = STANDARD_ERRORS * width**2 / math.sqrt(180 * COUNT)
    assert abs(values.var() - width**2 / 12) < variance_error + mean_error**2
    assert values.min() >= -1.0
    assert values.max() < 3.0


def test_normal_draws_have_the_moments_of_the_law() -> None:
    values = random.normal((COUNT,), 2.0, 0.5, dtype="float64", seed=1)
    standard = (values - 2.0) / 0.5
    bound = STANDARD_ERRORS / math.sqrt(COUNT)
    assert abs(standard.mean()) < bound
    assert abs((standard**2).mean() - 1.0) < math.sqrt(2) * bound
    assert abs((standard**3).mean()) < math.sqrt(15) * bound
    assert abs((standard**4).mean() - 3.0) < math.sqrt(96) * bound


def test_truncated_normal_draws_stay_within_two_deviations_and_fill_them() -> None:
    values = random.truncated_normal((COUNT,), 1.0, 0.25, dtype="float64", seed=1)
    standard = (values - 1.0) / 0.25
    assert np.abs(standard).max() <= 2.0
    # The density at the cut is 0.0566, so that this share of draws lies within 0.01 of it.
    assert np.abs(standard).max() > 1.99
    deviation = 0.87962566103423978
    bound = STANDARD_ERRORS * deviation / math.sqrt(COUNT)
    assert abs(standard.mean()) < bound
    assert abs((standard**2).mean() - deviation**2) < math.sqrt(2) * deviation * bound


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_law_of_another_dtype_rounds_the_same_values(law: str, dtype: str) -> None:
    values = LAWS[law]((5, 3), dtype=dtype, seed=2)
    assert values.dtype == dtype
    assert_array_equal(values, LAWS[law]((5, 3), dtype="float64", seed=2).astype(dtype))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("shape", [(), (0, 3), (1,)])
def test_law_of_an_odd_shape_returns_it(law: str, shape: tuple[int, ...]) -> None:
    assert LAWS[law](shape, seed=2).shape == shape


def test_longer_draw_starts_with_the_shorter_one() -> None:
    longer = random.normal((2 * random.BLOCK + 1,), seed=3)
    assert_array_equal(random.normal((random.BLOCK + 5,), seed=3), longer[: random.BLOCK + 5])


def test_seed_generator_gives_new_values_at_every_call_and_the_same_sequence_again() -> None:
    def sequence() -> list[np.ndarray]:
        generator = random.SeedGenerator(5)
        return [random.uniform((4,), seed=generator) for _ in range(3)]

    first, second = sequence(), sequence()
    assert_array_equal(first, second)
    assert len({values.tobytes() for values in first}) == 3


def test_seed_generator_rebuilt_from_its_config_gives_the_same_seeds() -> None:
    generator = random.SeedGenerator(5, name="dropout")
    twin = random.SeedGenerator.from_config(generator.get_config())
    assert [generator.next() for _ in range(3)] == [twin.next() for _ in range(3)]
    assert twin.name == "dropout"


def test_set_seed_makes_drawn_seeds_repeat() -> None:
    random.set_seed(11)
    first = [random.draw_seed() for _ in range(4)]
    random.set_seed(11)
    assert [random.draw_seed() for _ in range(4)] == first
    assert len(set(first)) == 4


def test_draw_seed_without_set_seed_follows_numpy() -> None:
    np.random.seed(13)
    first = [random.draw_seed() for _ in range(4)]
    np.random.seed(13)
    assert [random.draw_seed() for _ in range(4)] == first


def test_set_seed_overrules_numpy_until_it_is_taken_back() -> None:
    random.set_seed(11)
    np.random.seed(13)
    chosen = random.draw_seed()
    random.set_seed(None)
    followed = random.draw_seed()
    np.random.seed(13)
    assert random.draw_seed() == followed != chosen


def test_draw_seed_gives_the_recorded_seeds() -> None:
    random.set_seed(0)
    assert [random.draw_seed() for _ in range(2)] == [2357136050, 3071714939]


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "13", True, [1]])
def test_set_seed_with_a_wrong_seed_raises_and_keeps_the_stream(seed: Any) -> None:
    random.set_seed(11)
    expected = random.draw_seed()
    random.set_seed(11)
    with pytest.raises(ValueError, match=r"set_seed: `seed` must be .* Received: seed="):
        random.set_seed(seed)
    assert random.draw_seed() == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"shape": (2, -1)}, "`shape` must hold non-negative integers"),
        ({"shape": "ab"}, "`shape` must be a sequence"),
        ({"shape": (2,), "stddev": -1.0}, "`stddev` must be a finite number >= 0"),
        ({"shape": (2,), "mean": math.nan}, "`mean` must be a finite number"),
        ({"shape": (2,), "dtype": "int32"}, "`dtype` must be a floating-point type"),
        ({"shape": (2,), "dtype": "float33"}, "`dtype` must be a floating-point type"),
        ({"shape": (2,), "seed": -1}, r"`seed` must be an integer in \[0, 2\*\*32\)"),
    ],
)
def test_normal_with_a_wrong_argument_says_which(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"normal: {message}"):
        random.normal(**arguments)


def test_uniform_with_crossed_ends_raises() -> None:
    with pytest.raises(ValueError, match=r"`maxval` must be a finite number >= 1\. Received"):
        random.uniform((2,), 1.0, 0.0)
