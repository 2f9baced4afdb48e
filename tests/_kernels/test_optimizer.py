"""Updates of weights: every rule against its twin, and what goes on around a rule."""

from __future__ import annotations

import numpy as np
import pytest

import tolerances
import updates
from cnnfast._kernels import dispatch
from cnnfast._kernels.optimizer import Updates

UNIT = 1024
# Roundings on the way to a new weight, and how much smaller than its terms a difference may get.
STEP_ROUNDINGS = 64


def step(name, numbers, arrays, threads=1, **options):
    """Do one step on copies and return what became of weights and states."""
    weights, gradient, *states = (array.copy() for array in arrays)
    update = Updates(name, [(weights, gradient, states, True)], **options)
    update.set_numbers(numbers)
    update.run(threads)
    np.testing.assert_array_equal(gradient, arrays[1])
    return [weights, *states]


def sizes():
    lanes = dispatch.lanes()
    return (1, lanes - 1, lanes, lanes + 1, 2 * lanes + 3, 61, UNIT - 1, UNIT, UNIT + 1, 5003)


def test_twins_are_those_of_the_table():
    assert set(dispatch.updates()) == set(updates.RULES)


@pytest.mark.parametrize("name", sorted(set(updates.RULES) - {updates.INEXACT}))
def test_rule_of_any_size_equals_its_twin_to_the_bit(isa, name):
    for size in sizes():
        numbers, arrays = updates.arguments(name, size)
        for found, exact in zip(
            step(name, numbers, arrays), updates.expected(name, numbers, arrays), strict=True
        ):
            np.testing.assert_array_equal(found, exact, err_msg=f"{name} {size}")


@pytest.mark.parametrize("name", sorted(updates.RULES))
def test_rule_is_near_its_twin_in_float64(isa, name):
    numbers, arrays = updates.arguments(name, 1000)
    precise = updates.expected(name, numbers, [array.astype(np.float64) for array in arrays])
    magnitude = max(float(np.abs(array).max()) for array in (*arrays, *precise))
    # A term over the smallest number that was drawn is the largest there is.
    error = tolerances.roundings(STEP_ROUNDINGS, magnitude / 0.05)
    for found, exact in zip(step(name, numbers, arrays), precise, strict=True):
        assert np.abs(found - exact).max() <= error


@pytest.mark.parametrize("name", sorted(updates.RULES))
def test_rule_splits_over_threads_without_a_change(isa, threads, name):
    numbers, arrays = updates.arguments(name, 200 * UNIT + 17)
    for found, alone in zip(
        step(name, numbers, arrays, threads), step(name, numbers, arrays), strict=True
    ):
        np.testing.assert_array_equal(found, alone)


@pytest.mark.parametrize("name", sorted(set(updates.RULES) - {"decay", "average"}))
def test_rule_shows_a_gradient_that_is_not_a_number(isa, name):
    numbers, arrays = updates.arguments(name, 37)
    arrays[1][20] = np.nan
    weights = step(name, numbers, arrays)[0]
    assert np.isnan(weights[20])
    assert np.isfinite(np.delete(weights, 20)).all()


def test_power_of_nothing_is_nothing(isa):
    numbers, arrays = updates.arguments("ftrl_power", 5)
    arrays[1][:], arrays[2][:], arrays[3][:] = 0, 0, 1
    numbers[1:4] = (0, 0.5, 0)
    weights = step("ftrl_power", numbers, arrays)[0]
    np.testing.assert_array_equal(weights, np.float32(-2.0))


def variables(*counts, states=0):
    random = np.random.default_rng(len(counts))
    cases = []
    for place, n in enumerate(counts):
        weights, gradient = random.standard_normal((2, n), dtype=np.float32)
        cases.append((weights, gradient, [np.ones(n, np.float32)] * states, place % 2 == 0))
    return cases


def run_all(cases, rule="sgd", threads=1, numbers=(1.0,), decay=(), average=(), **options):
    """Do a step on copies of several variables; return weights and states."""
    copies = [(w.copy(), g, [s.copy() for s in states], d) for w, g, states, d in cases]
    update = Updates(rule, copies, **options)
    update.set_numbers(numbers, decay, average)
    update.run(threads)
    return [w for w, *_ in copies], [states for _, _, states, _ in copies]


def test_several_variables_are_each_moved_by_their_own_gradient(isa, threads):
    cases = variables(3, UNIT, 1, 0, 5 * UNIT + 1, 70 * UNIT)
    weights, _ = run_all(cases, threads=threads)
    for found, (w, g, *_) in zip(weights, cases, strict=True):
        np.testing.assert_array_equal(found, w - g)


def test_decay_comes_before_the_rule_and_leaves_out_who_does_not_decay(isa):
    cases = variables(40, 40)
    weights, _ = run_all(cases, numbers=(0.5,), decay=(0.25, 0.5), has_decay=True)
    (w, g, *_), (other, other_gradient, *_) = cases
    quarter, half = np.float32(0.25), np.float32(0.5)
    np.testing.assert_array_equal(weights[0], w - w * quarter * half - g * half)
    np.testing.assert_array_equal(weights[1], other - other_gradient * half)


def test_average_follows_the_new_weights(isa):
    cases = variables(40, states=2)
    weights, states = run_all(
        cases, "momentum", numbers=(0.5, 0.0), average=(0.25, 0.75), has_average=True
    )
    kept, share = np.float32(0.25), np.float32(0.75)
    np.testing.assert_array_equal(states[0][1], kept * cases[0][2][1] + share * weights[0])


def test_limit_of_elements_clips_each(isa):
    cases = variables(100)
    weights, _ = run_all(cases, limit=0.5)
    w, g, *_ = cases[0]
    np.testing.assert_array_equal(weights[0], w - np.clip(g, -0.5, 0.5).astype(np.float32))


@pytest.mark.parametrize("name", ["norm_limit", "global_norm_limit"])
def test_limit_of_norms_scales_gradients_to_it(isa, threads, name):
    cases = variables(3, 100 * UNIT + 5, 70)
    weights, _ = run_all(cases, threads=threads, **{name: 2.0})
    squares = [float(np.square(g.astype(np.float64)).sum()) for _, g, *_ in cases]
    for found, (w, g, *_), own in zip(weights, cases, squares, strict=True):
        norm = np.sqrt(own if name == "norm_limit" else sum(squares))
        exact = w - g * (2.0 / max(norm, 2.0))
        # A unit's sum of squares, a root, a quotient, a product and a difference.
        relative = tolerances.float32_sum(UNIT, 1.0) + tolerances.roundings(5, 1.0)
        assert (np.abs(found - exact) <= relative * (np.abs(w) + np.abs(g))).all()
    np.testing.assert_array_equal(
        np.concatenate(weights), np.concatenate(run_all(cases, **{name: 2.0})[0])
    )


@pytest.mark.parametrize("name", ["norm_limit", "global_norm_limit"])
def test_limit_of_norms_leaves_short_gradients_alone(isa, name):
    cases = variables(40, 3)
    weights, _ = run_all(cases, **{name: 1e3})
    for found, (w, g, *_) in zip(weights, cases, strict=True):
        np.testing.assert_array_equal(found, w - g)


@pytest.mark.parametrize("name", ["norm_limit", "global_norm_limit"])
def test_limit_of_norms_shows_what_is_not_a_number(isa, name):
    cases = variables(40)
    cases[0][1][3] = np.nan
    assert np.isnan(run_all(cases, **{name: 1.0})[0][0]).all()


def test_divisor_comes_before_the_limits(isa):
    cases = variables(64)
    weights, _ = run_all(cases, divisor=4.0, limit=0.125)
    w, g, *_ = cases[0]
    np.testing.assert_array_equal(weights[0], w - np.clip(g / 4, -0.125, 0.125))


def test_updates_of_nothing_do_nothing(isa, threads):
    Updates("sgd", []).run(threads)
    run_all(variables(0, 0), threads=threads, norm_limit=1.0)


def test_unknown_rule_is_named():
    with pytest.raises(ValueError, match=r"rule must be one of sgd, .*Received 'sgdm'"):
        Updates("sgdm", [])


def test_arrays_that_do_not_fit_are_refused():
    w, g = np.zeros(3, np.float32), np.zeros(2, np.float32)
    with pytest.raises(ValueError, match="a variable of 3 weights needs as many gradients and 0"):
        Updates("sgd", [(w, g, [], True)])
    with pytest.raises(ValueError, match=r"and 1 states\. Received 3 gradients and 0 states"):
        Updates("momentum", [(w, w, [], True)])
    with pytest.raises(ValueError, match="states must hold 3 floats"):
        Updates("momentum", [(w, w, [g], True)])
