"""Variables: values that cannot change unnoticed."""

from __future__ import annotations

import numpy as np
import pytest

from cnnfast.engine.variable import Variable, epoch


@pytest.fixture
def variable() -> Variable:
    return Variable([[1, 2], [3, 4]], name="kernel", path="dense/kernel")


def test_variable_of_integers_holds_float32(variable: Variable) -> None:
    assert variable.value.dtype == np.float32
    assert variable.dtype == "float32"
    assert variable.shape == (2, 2)
    assert (variable.ndim, variable.size, len(variable)) == (2, 4, 2)


def test_variable_with_dtype_keeps_integers() -> None:
    assert Variable(3, name="count", dtype="int64").value.dtype == np.int64


def test_value_written_to_is_refused(variable: Variable) -> None:
    with pytest.raises(ValueError, match="read-only"):
        variable.value[0, 0] = 9


def test_variable_source_array_changed_later_keeps_value() -> None:
    source = np.ones(3, np.float32)
    variable = Variable(source)
    source[:] = 7
    assert variable.value.tolist() == [1, 1, 1]


def test_numpy_changed_copy_leaves_variable_alone(variable: Variable) -> None:
    variable.numpy()[:] = 0
    assert variable.value[1, 1] == 4


def test_assign_new_value_bumps_version_and_epoch(variable: Variable) -> None:
    version, before = variable.version, epoch()
    assert variable.assign(np.zeros((2, 2))) is variable
    assert variable.version == version + 1
    assert epoch() > before
    assert not variable.value.any()


def test_assign_value_seen_before_stays_as_it_was(variable: Variable) -> None:
    seen = variable.value
    variable.assign(np.zeros((2, 2)))
    assert seen[1, 1] == 4


def test_assign_other_variable_copies_its_value(variable: Variable) -> None:
    other = Variable(np.full((2, 2), 5))
    variable.assign(other)
    assert (variable.value == 5).all()


@pytest.mark.parametrize("value", [np.zeros(4), np.zeros((2, 3)), 1.0], ids=np.shape)
def test_assign_other_shape_is_refused_and_changes_nothing(
    variable: Variable, value: object
) -> None:
    version, before = variable.version, epoch()
    with pytest.raises(ValueError, match=r"dense/kernel.*\(2, 2\)"):
        variable.assign(value)  # type: ignore[arg-type]
    assert (variable.version, epoch()) == (version, before)
    assert variable.value[0, 1] == 2


def test_new_variable_moves_the_epoch() -> None:
    before = epoch()
    Variable(0.0)
    assert epoch() > before


def test_array_of_variable_is_its_value(variable: Variable) -> None:
    assert np.asarray(variable).tolist() == [[1, 2], [3, 4]]
    assert np.asarray(variable, dtype=np.float64).dtype == np.float64
    assert np.sum(np.array(variable)) == 10
    assert variable[1].tolist() == [3, 4]


def test_repr_names_path_shape_dtype_and_value(variable: Variable) -> None:
    assert repr(variable) == (
        "<Variable path=dense/kernel, shape=(2, 2), dtype=float32, value=[[1. 2.]\n [3. 4.]]>"
    )
