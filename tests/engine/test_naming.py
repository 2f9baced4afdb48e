"""Automatic names, allowed names and paths."""

from __future__ import annotations

import pytest

from cnnfast.engine import naming


@pytest.mark.parametrize(
    ("class_name", "expected"),
    [
        ("Conv2D", "conv2d"),
        ("PReLU", "p_re_lu"),
        ("LeakyReLU", "leaky_re_lu"),
        ("ReLU", "re_lu"),
        ("ELU", "elu"),
        ("GlobalMaxPooling1D", "global_max_pooling1d"),
        ("MaxPooling2D", "max_pooling2d"),
        ("BatchNormalization", "batch_normalization"),
        ("InputLayer", "input_layer"),
        ("Dense", "dense"),
    ],
)
def test_to_snake_case_class_name_becomes_keras_word(class_name: str, expected: str) -> None:
    assert naming.to_snake_case(class_name) == expected


def test_unique_name_repeated_prefix_counts_from_one() -> None:
    naming.reset_names()
    assert [naming.unique_name("conv2d") for _ in range(3)] == ["conv2d", "conv2d_1", "conv2d_2"]
    assert naming.unique_name("dense") == "dense"


def test_reset_names_after_use_starts_again() -> None:
    naming.unique_name("flatten")
    naming.reset_names()
    assert naming.unique_name("flatten") == "flatten"


@pytest.mark.parametrize("name", ["a/b", 5, None], ids=repr)
def test_validate_name_slash_or_no_string_is_refused(name: object) -> None:
    with pytest.raises(ValueError, match="`name` must be a string"):
        naming.validate_name(name)


def test_name_scope_nested_scopes_join_with_slashes() -> None:
    with naming.name_scope("model"), naming.name_scope("dense"):
        assert naming.scoped_path("kernel") == "model/dense/kernel"
    assert naming.scoped_path("kernel") == "kernel"


def test_name_scope_error_inside_leaves_no_scope_behind() -> None:
    with pytest.raises(RuntimeError), naming.name_scope("model"):
        raise RuntimeError
    assert naming.scoped_path("kernel") == "kernel"
