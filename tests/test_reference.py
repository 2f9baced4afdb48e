"""The float64 twins against values worked out by hand and against each other."""

from __future__ import annotations

import numpy as np
import pytest

import reference


def test_convolution_of_a_line_weights_the_window_in_reading_order() -> None:
    inputs = np.array([1.0, 2.0, 3.0, 5.0]).reshape(1, 1, 4, 1)
    kernel = np.array([10.0, 1.0]).reshape(1, 2, 1, 1)
    outputs = reference.convolution(inputs, kernel, bias=np.array([0.5]))
    assert outputs.ravel().tolist() == [12.5, 23.5, 35.5]


def test_convolution_with_stride_dilation_and_uneven_padding_picks_those_pixels() -> None:
    inputs = np.arange(1.0, 6.0).reshape(1, 1, 5, 1)
    kernel = np.array([100.0, 1.0]).reshape(1, 2, 1, 1)
    outputs = reference.convolution(
        inputs, kernel, strides=(1, 2), padding=((0, 0), (1, 2)), dilation=(1, 2)
    )
    assert outputs.ravel().tolist() == [2.0, 204.0, 400.0]


def test_convolution_in_groups_equals_separate_convolutions() -> None:
    random = np.random.default_rng(0)
    inputs, kernel = random.normal(size=(2, 4, 5, 6)), random.normal(size=(3, 2, 2, 9))
    together = reference.convolution(inputs, kernel, groups=3)
    apart = [
        reference.convolution(inputs[..., 2 * g : 2 * g + 2], kernel[..., 3 * g : 3 * g + 3])
        for g in range(3)
    ]
    np.testing.assert_array_equal(together, np.concatenate(apart, axis=-1))


def test_average_pooling_divides_by_the_pixels_inside_the_image() -> None:
    inputs = np.array([2.0, 4.0, 8.0]).reshape(1, 1, 3, 1)
    outputs = reference.pooling("average", inputs, (1, 2), (1, 2), ((0, 0), (1, 0)))
    assert outputs.ravel().tolist() == [2.0, 6.0]


def test_max_pooling_never_answers_with_padding() -> None:
    inputs = np.array([-2.0, -4.0, -8.0]).reshape(1, 1, 3, 1)
    outputs = reference.pooling("max", inputs, (1, 2), (1, 2), ((0, 0), (1, 0)))
    assert outputs.ravel().tolist() == [-2.0, -4.0]


@pytest.mark.parametrize(
    ("activation", "x", "expected"),
    [
        (("relu", 0.5, 3.0, 1.0), [-1.0, 1.0, 2.0, 9.0], [-1.0, 0.0, 2.0, 3.0]),
        (("hard_sigmoid", 0.2, 0.5, 0.0), [-3.0, 0.0, 1.0, 4.0], [0.0, 0.5, 0.7, 1.0]),
        (("threshold", 1.0, 7.0, 0.0), [0.0, 1.0, 1.5], [7.0, 7.0, 1.5]),
        (("soft_shrink", 0.5, 0.0, 0.0), [-2.0, 0.25, 2.0], [-1.5, 0.0, 1.5]),
        (("sparse_plus", 0.0, 0.0, 0.0), [-2.0, 0.0, 1.0, 3.0], [0.0, 0.25, 1.0, 3.0]),
        (("squareplus", 4.0, 0.0, 0.0), [0.0, 1.5], [1.0, 2.0]),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_activation_at_chosen_points_gives_the_value_by_hand(
    activation: reference.Activation, x: list[float], expected: list[float]
) -> None:
    np.testing.assert_allclose(reference.activate(np.array(x), activation), expected, rtol=1e-15)


def test_sparsemax_projects_onto_the_simplex() -> None:
    outputs = reference.row_activate(np.array([[0.0, 0.5, 1.0], [3.0, 0.0, 0.0]]), "sparsemax")
    assert outputs.tolist() == [[0.0, 0.25, 0.75], [1.0, 0.0, 0.0]]


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_of_huge_logits_stays_finite_and_sums_to_one(name: str) -> None:
    outputs = reference.row_activate(np.array([[1e4, 1e4, -1e4]]), name)
    probabilities = np.exp(outputs) if name == "log_softmax" else outputs
    np.testing.assert_allclose(probabilities, [[0.5, 0.5, 0.0]], atol=1e-15)
