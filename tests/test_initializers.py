"""Initializers: their laws, their names in files of every Keras, and their errors."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from cnnfast import initializers, random
from cnnfast.serialization import custom_object_scope

GOLDEN = json.loads((Path(__file__).parent / "golden" / "registries.json").read_text())
FLOAT32_ROUNDING = 2.0**-24

# A statistic of independent draws lies further off than this many standard errors once in 10^9.
STANDARD_ERRORS = 6.0

KERNEL = (3, 3, 16, 32)
FANS = {"fan_in": 144, "fan_out": 288, "fan_avg": 216}
SCALINGS = {
    "GlorotNormal": (1.0, "fan_avg", "truncated_normal"),
    "GlorotUniform": (1.0, "fan_avg", "uniform"),
    "HeNormal": (2.0, "fan_in", "truncated_normal"),
    "HeUniform": (2.0, "fan_in", "uniform"),
    "LecunNormal": (1.0, "fan_in", "truncated_normal"),
    "LecunUniform": (1.0, "fan_in", "uniform"),
}

CHECKSUMS = {
    "GlorotNormal": "a9762f594a6444f1",
    "GlorotUniform": "8d3203203cfb2889",
    "HeNormal": "20d8b91ca7243d9a",
    "HeUniform": "14a960984fb3edda",
    "LecunNormal": "bf44b9648e174323",
    "LecunUniform": "7b54a957ff8c2903",
    "Orthogonal": "7754e2d07cfa682e",
    "RandomNormal": "8f7a11311f419723",
    "RandomUniform": "c2fec768582b1aee",
    "TruncatedNormal": "2672e064c2f922c2",
    "VarianceScaling": "bf44b9648e174323",
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


def without_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """Drop what Keras 3.15 writes and earlier ones cannot read, and what it forgets to write."""
    kept = {"input_axes": None, "output_axes": None, "gain": 1.0}
    return {key: value for key, value in config.items() if value != kept.get(key, ...)}


def moments_bound(distribution: str, count: int, variance: float) -> float:
    """Bound the error of a sample variance by the kurtosis of the law."""
    kurtosis = {"uniform": 1.8, "truncated_normal": 2.4, "untruncated_normal": 3.0}[distribution]
    return STANDARD_ERRORS * variance * math.sqrt((kurtosis - 1.0) / count)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_initializer_with_a_seed_gives_the_recorded_bits(name: str) -> None:
    values = initializers.NAMES[name](seed=13)(KERNEL)
    assert checksum(values) == CHECKSUMS[name]


@pytest.mark.parametrize("mode", FANS)
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
def test_variance_scaling_has_variance_of_scale_over_fan(mode: str, distribution: str) -> None:
    initializer = initializers.VarianceScaling(1.5, mode, distribution, seed=1)
    values = initializer(KERNEL, dtype="float64")
    variance = 1.5 / FANS[mode]
    assert abs(values.mean()) < STANDARD_ERRORS * math.sqrt(variance / values.size)
    assert abs(values.var() - variance) < moments_bound(distribution, values.size, variance)


def test_variance_scaling_of_a_uniform_law_reaches_but_keeps_its_limit() -> None:
    limit = math.sqrt(3.0 / 144)
    values = initializers.LecunUniform(seed=1)(KERNEL, dtype="float64")
    assert np.abs(values).max() <= limit
    # The largest of n even draws is off the end by 1/n of the range on average.
    assert np.abs(values).max() > limit * (1 - 20 / values.size)


def test_variance_scaling_of_a_truncated_law_is_cut_at_two_deviations() -> None:
    cut = 2.0 * math.sqrt(2.0 / 144) / 0.87962566103423978
    values = initializers.HeNormal(seed=1)(KERNEL, dtype="float64")
    assert np.abs(values).max() <= cut
    assert np.abs(values).max() > 0.99 * cut


@pytest.mark.parametrize("name", SCALINGS)
def test_named_scaling_equals_the_variance_scaling_it_stands_for(name: str) -> None:
    expected = initializers.VarianceScaling(*SCALINGS[name], seed=7)(KERNEL)
    assert_array_equal(initializers.NAMES[name](seed=7)(KERNEL), expected)


def test_variance_scaling_with_axes_counts_their_sizes() -> None:
    shape = (3, 5, 9, 2)
    values = initializers.GlorotUniform(seed=7, input_axes=[2], output_axes=(0, -1))(shape)
    limit = math.sqrt(6.0 / (9 + 3 * 2))
    # The limit rounds in another order, then both sides round to float32.
    expected = random.uniform(shape, -limit, limit, seed=7)
    assert_allclose(values, expected, rtol=4 * FLOAT32_ROUNDING, atol=0)


@pytest.mark.parametrize("case", GOLDEN["fans"], ids=lambda case: str(case["shape"]))
def test_compute_fans_matches_keras(case: dict[str, Any]) -> None:
    assert initializers.compute_fans(case["shape"]) == tuple(case["fans"])


@pytest.mark.parametrize(
    "shape", [(1, 1), (6, 6), (9, 4), (4, 9), (3, 3, 2, 5), (3, 2, 40)], ids=str
)
def test_orthogonal_matrix_has_orthogonal_rows_or_columns_of_length_gain(
    shape: tuple[int, ...],
) -> None:
    values = initializers.Orthogonal(gain=2.0, seed=1)(shape).astype(np.float64)
    matrix = values.reshape(-1, shape[-1])
    short = matrix if matrix.shape[0] < matrix.shape[1] else matrix.T
    # Every product of two vectors of length 2 rounds both once.
    rounding = 2 * 4 * FLOAT32_ROUNDING
    assert_allclose(short @ short.T, 4.0 * np.eye(len(short)), rtol=0, atol=rounding)


def test_orthogonal_matrix_is_spread_evenly_over_all_orthogonal_matrices() -> None:
    draws = np.stack(
        [initializers.Orthogonal(seed=seed)((3, 3), "float64") for seed in range(2000)]
    )
    # Every entry of such a matrix of order 3 has mean 0, variance 1/3 and fourth moment 1/5.
    bound = STANDARD_ERRORS / math.sqrt(len(draws))
    assert np.abs(draws.mean(axis=0)).max() < bound * math.sqrt(1 / 3)
    assert np.abs((draws**2).mean(axis=0) - 1 / 3).max() < bound * math.sqrt(1 / 5 - 1 / 9)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2)])
def test_identity_fills_the_diagonal_with_gain(shape: tuple[int, int]) -> None:
    assert_array_equal(initializers.Identity(1.5)(shape), 1.5 * np.eye(*shape))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "bool"])
def test_constants_have_the_dtype_asked_for(dtype: str) -> None:
    assert initializers.Zeros()((2, 3), dtype).dtype == dtype
    assert_array_equal(initializers.Ones()((2,), dtype), np.ones(2, dtype))
    assert_array_equal(initializers.Constant(1)((2,), dtype), np.ones(2, dtype))


def test_initializer_without_a_dtype_makes_float32() -> None:
    assert {initializers.get(name)((4, 4)).dtype for name in initializers.NAMES} == {
        np.float32(0).dtype
    }


def test_constant_with_an_array_broadcasts_it() -> None:
    assert_array_equal(initializers.Constant([1, 2])((3, 2)), [[1, 2]] * 3)


def test_get_with_an_array_gives_its_values() -> None:
    table = np.arange(6.0).reshape(2, 3)
    assert_array_equal(initializers.get(table)((2, 3)), table)


@pytest.mark.parametrize("name", CHECKSUMS)
def test_one_initializer_gives_the_same_values_at_every_call(name: str) -> None:
    initializer = initializers.get(name)
    assert_array_equal(initializer((4, 4)), initializer((4, 4)))


@pytest.mark.parametrize("name", CHECKSUMS)
def test_two_initializers_without_seeds_give_different_values(name: str) -> None:
    assert (initializers.get(name)((4, 4)) != initializers.get(name)((4, 4))).any()


def test_initializer_with_a_seed_generator_gives_new_values_at_every_call() -> None:
    initializer = initializers.RandomNormal(seed=random.SeedGenerator(5))
    assert (initializer((4,)) != initializer((4,))).any()


@pytest.mark.parametrize("seed_everything", [np.random.seed, random.set_seed])
def test_unseeded_initializers_after_a_global_seed_repeat(seed_everything: Any) -> None:
    def draw() -> list[np.ndarray]:
        seed_everything(13)
        return [initializers.get(name)((3, 3)) for name in ("glorot_uniform", "he_normal")]

    assert_array_equal(draw(), draw())


@pytest.mark.parametrize("described", GOLDEN["initializers"], ids=lambda case: case["class_name"])
def test_initializer_from_keras_serializes_as_keras_does(described: dict[str, Any]) -> None:
    serialized = initializers.serialize(initializers.get(described))
    assert serialized is not None
    for side in (serialized, described):
        json.dumps(side)
    assert serialized | {"config": {}} == described | {"config": {}}
    assert without_defaults(serialized["config"]) == without_defaults(described["config"])


@pytest.mark.parametrize("name", sorted(initializers.NAMES))
def test_every_name_rebuilt_from_its_own_description_gives_the_same_values(name: str) -> None:
    random.set_seed(3)
    initializer = initializers.get(name)
    random.set_seed(3)
    twin = initializers.deserialize(initializers.serialize(initializer) or {})
    assert type(twin) is type(initializer)
    assert_array_equal(twin((3, 3)), initializer((3, 3)))


@pytest.mark.parametrize(
    ("described", "expected"),
    [
        ("zero", initializers.Zeros()),
        ("one", initializers.Ones()),
        ("normal", initializers.RandomNormal()),
        ("uniform", initializers.RandomUniform()),
        ({"class_name": "Zeros"}, initializers.Zeros()),
        ({"class_name": "Ones", "config": None}, initializers.Ones()),
        (
            {"class_name": "RandomNormal", "config": {"mean": 0, "stddev": 0.1, "seed": 13}},
            initializers.RandomNormal(0.0, 0.1, 13),
        ),
        (
            {"class_name": "GlorotUniform", "config": {"seed": None, "dtype": "float32"}},
            initializers.GlorotUniform(),
        ),
        (
            {
                "class_name": "VarianceScaling",
                "config": {"scale": 2.0, "mode": "FAN_IN", "distribution": "normal", "seed": None},
            },
            initializers.VarianceScaling(2.0, "fan_in", "truncated_normal"),
        ),
        (
            {"class_name": "Constant", "config": {"value": 2, "verify_shape": False}},
            initializers.Constant(2),
        ),
        (initializers.Ones, initializers.Ones()),
    ],
    ids=str,
)
def test_get_of_an_old_form_means_the_new_object(described: Any, expected: Any) -> None:
    found = initializers.get(described)
    assert type(found) is type(expected)
    assert found.get_config() == expected.get_config()


def test_get_of_none_and_of_a_function_returns_them() -> None:
    def ones(shape: Any, dtype: Any = None) -> np.ndarray:
        return np.ones(shape, dtype)

    assert initializers.get(None) is None
    assert initializers.get(ones) is ones


def test_clone_of_an_initializer_has_its_settings() -> None:
    initializer = initializers.TruncatedNormal(1.0, 0.5, seed=4)
    assert_array_equal(initializer.clone()((5,)), initializer((5,)))


def test_initializer_of_the_user_is_found_by_name() -> None:
    class Halves(initializers.Initializer):
        def __call__(self, shape: Any, dtype: Any = "float32") -> np.ndarray:
            return np.full(shape, 0.5, dtype)

    described = initializers.serialize(Halves())
    assert described is not None
    assert described["registered_name"] == "Halves"
    found = initializers.deserialize(described, {"Halves": Halves})
    assert_array_equal(found((2,)), [0.5, 0.5])
    with custom_object_scope({"Halves": Halves}):
        assert isinstance(initializers.get(described), Halves)
    with pytest.raises(ValueError, match="no initializer 'Halves'"):
        initializers.get(described)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("RandomNormal", {"stddev": -0.1}, "RandomNormal: `stddev` must be a finite number >= 0"),
        ("TruncatedNormal", {"mean": math.inf}, "TruncatedNormal: `mean` must be a finite number"),
        ("RandomUniform", {"minval": 1.0, "maxval": 0.0}, "`maxval` must be a finite number >= 1"),
        ("RandomNormal", {"seed": -1}, r"RandomNormal: `seed` must be .* Received: seed=-1"),
        ("GlorotUniform", {"seed": "x"}, r"GlorotUniform: `seed` must be .* Received: seed='x'"),
        ("HeNormal", {"seed": {"class_name": "X"}}, "HeNormal: `seed` must be"),
        ("VarianceScaling", {"scale": 0}, "`scale` must be a finite number > 0. Received: scale=0"),
        ("VarianceScaling", {"scale": "1"}, "`scale` must be a finite number > 0"),
        ("VarianceScaling", {"mode": "fan"}, '`mode` must be one of "fan_in", "fan_out"'),
        ("VarianceScaling", {"distribution": "x"}, '`distribution` must be one of "trunc'),
        ("VarianceScaling", {"input_axes": [0]}, "must be given together"),
        ("HeUniform", {"input_axes": 0, "output_axes": 1}, "`input_axes` must be a sequence"),
        ("Constant", {"value": "x"}, "Constant: `value` must be a number or an array"),
        ("Identity", {"gain": math.nan}, "Identity: `gain` must be a finite number"),
        ("Orthogonal", {"gain": None}, "Orthogonal: `gain` must be a finite number"),
    ],
)
def test_initializer_with_a_wrong_argument_says_which(
    name: str, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        initializers.NAMES[name](**settings)


@pytest.mark.parametrize(
    ("initializer", "shape", "dtype", "message"),
    [
        (initializers.Identity(), (2, 3, 4), "float32", r"must have 2 axes. .*shape=\(2, 3, 4\)"),
        (initializers.Orthogonal(), (3,), "float32", r"at least 2 axes. .*shape=\(3,\)"),
        (initializers.Constant([1, 2, 3]), (2, 2), "float32", r"a value of shape \(3,\) fits"),
        (initializers.Zeros(), (-1,), "float32", "Zeros: `shape` must hold non-negative"),
        (initializers.Zeros(), None, "float32", "Zeros: `shape` must be a sequence"),
        (initializers.Ones(), (2,), "str", "Ones: `dtype` must be a numeric type"),
        (initializers.HeNormal(), (2,), "int32", "HeNormal: `dtype` must be a floating-point"),
        (
            initializers.GlorotUniform(input_axes=[0], output_axes=[2]),
            (2, 3),
            "float32",
            "axes must be among the 2",
        ),
    ],
)
def test_call_with_a_wrong_shape_or_dtype_says_why(
    initializer: Any, shape: Any, dtype: str, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        initializer(shape, dtype)


@pytest.mark.parametrize("identifier", ["foo", {"class_name": "foo"}, 3, ["zeros"]])
def test_get_of_something_unknown_lists_the_names(identifier: Any) -> None:
    with pytest.raises(ValueError, match=r"no initializer .*Known initializers: .*zeros"):
        initializers.get(identifier)


def test_base_initializer_called_says_what_is_missing() -> None:
    with pytest.raises(NotImplementedError, match="Initializer does not define"):
        initializers.Initializer()((2,))
