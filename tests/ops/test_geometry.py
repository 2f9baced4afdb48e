"""Shape arithmetic against a twin that moves the window one step at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cnnfast.ops import geometry

PADDINGS = ("valid", "same", "causal")
lengths = st.integers(1, 40)
taps = st.integers(1, 9)
steps = st.integers(1, 5)


def count_places(length: int, k: int, s: int, d: int) -> int:
    """Count the starts at which every tap of the window lies inside the axis."""
    offsets = [tap * d for tap in range(k)]
    return sum(all(start + offset < length for offset in offsets) for start in range(0, length, s))


@given(lengths, taps, steps, steps)
def test_output_length_valid_counts_the_places_that_fit(n: int, k: int, s: int, d: int) -> None:
    assert max(geometry.output_length(n, k, s, d, "valid"), 0) == count_places(n, k, s, d)


@given(lengths, taps, steps, steps, st.sampled_from(("same", "causal")))
def test_output_length_padded_counts_every_stride(
    n: int, k: int, s: int, d: int, padding: str
) -> None:
    assert geometry.output_length(n, k, s, d, padding) == len(range(0, n, s))


@given(lengths, taps, steps, steps, st.sampled_from(PADDINGS))
def test_padding_amounts_make_a_valid_window_give_the_output_length(
    n: int, k: int, s: int, d: int, padding: str
) -> None:
    before, after = geometry.padding_amounts(n, k, s, d, padding)
    expected = max(geometry.output_length(n, k, s, d, padding), 0)
    assert count_places(before + n + after, k, s, d) == expected


@given(lengths, taps, steps, steps)
def test_padding_amounts_same_is_the_least_that_is_enough(n: int, k: int, s: int, d: int) -> None:
    before, after = geometry.padding_amounts(n, k, s, d, "same")
    assert after - before in (0, 1)
    if before + after:
        assert count_places(before + n + after - 1, k, s, d) < len(range(0, n, s))


@given(taps, steps)
def test_padding_amounts_same_without_stride_needs_no_length(k: int, d: int) -> None:
    assert geometry.padding_amounts(None, k, 1, d, "same") == geometry.padding_amounts(
        100, k, 1, d, "same"
    )


@given(lengths, taps, steps, steps)
def test_padding_amounts_causal_lets_no_output_see_a_later_input(
    n: int, k: int, s: int, d: int
) -> None:
    before, after = geometry.padding_amounts(n, k, s, d, "causal")
    last_tap = (k - 1) * d - before
    assert (last_tap, after) == (0, 0)


@pytest.mark.parametrize("padding", PADDINGS)
def test_output_length_of_an_unknown_axis_is_unknown(padding: str) -> None:
    assert geometry.output_length(None, 3, 2, 1, padding) is None


def test_padding_amounts_same_with_stride_and_unknown_length_is_refused() -> None:
    with pytest.raises(ValueError, match="needs the length of the axis"):
        geometry.padding_amounts(None, 3, 2, 1, "same")


@pytest.mark.parametrize("value", [3, np.int64(3), (3, 3), [3, 3], (np.int32(3), 3)])
def test_standardize_tuple_spreads_or_keeps_sizes(value: object) -> None:
    sizes = geometry.standardize_tuple(value, 2, "strides")
    assert sizes == (3, 3)
    assert all(type(size) is int for size in sizes)


@pytest.mark.parametrize(
    "value",
    [0, -1, 2.0, True, None, "ab", (1,), (1, 2, 3), (1, 0), (1, -1), (1, 2.0), (1, True), {1, 2}],
    ids=repr,
)
def test_standardize_tuple_refuses_what_is_not_n_positive_integers(value: object) -> None:
    with pytest.raises(ValueError, match="`strides` must be a positive integer") as caught:
        geometry.standardize_tuple(value, 2, "strides", owner="Conv2D layer 'first'")
    assert str(caught.value).startswith("Conv2D layer 'first': ")
    assert str(caught.value).endswith(f"Received: strides={value!r}.")


def test_standardize_tuple_allows_zero_when_told() -> None:
    assert geometry.standardize_tuple((0, 1), 2, "padding", allow_zero=True) == (0, 1)


@pytest.mark.parametrize("value", [0, -3, 1.0, "3", None, False], ids=repr)
def test_standardize_integer_refuses_what_is_not_a_positive_integer(value: object) -> None:
    with pytest.raises(ValueError, match="`units` must be a positive integer"):
        geometry.standardize_integer(value, "units")


def test_standardize_padding_ignores_case() -> None:
    assert geometry.standardize_padding("Causal", PADDINGS) == "causal"


@pytest.mark.parametrize("value", ["full", 1, None, ["same"]], ids=repr)
def test_standardize_padding_refuses_other_names(value: object) -> None:
    with pytest.raises(ValueError, match='must be one of "valid", "same"'):
        geometry.standardize_padding(value, ("valid", "same"))
