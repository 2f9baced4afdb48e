"""Where training takes its batches from."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

import cnnfast
from cnnfast import layers
from cnnfast.training.epochs import Epochs
from cnnfast.training.sources import source_of
from cnnfast.utils import PyDataset
from trainingdata import COUNT, X2, W, X, Y, generator, joined, one_in_one_out, two_in_two_out


def test_arrays_come_in_order_and_the_last_batch_is_smaller():
    source = source_of(one_in_one_out(), X, Y, W, batch_size=4)
    batches = list(source.batches(0))
    assert [batch.samples for batch in batches] == [4, 4, 3]
    assert source.count == 3
    for whole, wanted in zip(joined(batches), (X, Y, W), strict=True):
        np.testing.assert_array_equal(whole, wanted)


def test_batches_have_32_samples_by_default():
    assert source_of(one_in_one_out(), np.zeros((70, 3))).count == 3


@pytest.mark.parametrize("kind", [list, np.float64, np.float16, np.int32])
def test_inputs_become_what_the_kernels_take(kind):
    data = X.tolist() if kind is list else X.astype(kind)
    (batch,) = source_of(one_in_one_out(), data, Y.tolist()).batches(0)
    assert batch.inputs[0].dtype == np.float32
    np.testing.assert_array_equal(batch.inputs[0], X)
    np.testing.assert_array_equal(batch.targets[0], Y)


def test_inputs_get_the_missing_axis_and_targets_stay():
    model = cnnfast.Sequential([cnnfast.Input((3, 1)), layers.Flatten(), layers.Dense(1)])
    (batch,) = source_of(model, X, Y).batches(0)
    assert batch.inputs[0].shape == (COUNT, 3, 1)
    assert batch.targets[0].shape == (COUNT,)


@pytest.mark.parametrize(
    ("x", "y", "weight"),
    [
        ([X, X2], [Y, X2], [W, None]),
        ((X, X2), (Y, X2), (W, None)),
        ({"right": X2, "left": X}, {"two": X2, "one": Y}, {"one": W}),
    ],
)
def test_several_inputs_and_outputs_in_lists_and_dicts(x, y, weight):
    (batch,) = source_of(two_in_two_out(), x, y, weight).batches(0)
    for array, wanted in zip(batch.inputs, (X, X2), strict=True):
        np.testing.assert_array_equal(array, wanted)
    for array, wanted in zip(batch.targets, (Y, X2), strict=True):
        np.testing.assert_array_equal(array, wanted)
    np.testing.assert_array_equal(batch.weights[0], W)
    assert batch.weights[1] is None


def test_targets_in_a_dict_by_the_keys_of_the_outputs():
    tensor = cnnfast.Input((3,))
    model = cnnfast.Model(tensor, {"b": layers.Dense(1)(tensor), "a": layers.Dense(2)(tensor)})
    (batch,) = source_of(model, X, {"b": Y, "a": X}).batches(0)
    np.testing.assert_array_equal(batch.targets[0], X)
    np.testing.assert_array_equal(batch.targets[1], Y)


@pytest.mark.parametrize(
    ("y", "reason"),
    [
        ({"three": Y}, r"does not have: \['three'\]"),
        ([Y], "one array for each of the 2 outputs"),
        (Y, "one array for each of the 2 outputs"),
    ],
)
def test_targets_that_do_not_fit_the_outputs_are_refused(y, reason):
    with pytest.raises(ValueError, match=reason):
        source_of(two_in_two_out(), [X, X2], y)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((X, Y[:-1]), "'x' sizes: 11, 'y' sizes: 10, 'sample_weight' sizes: "),
        ((X, Y, W[:-2]), "'sample_weight' sizes: 9"),
        ((X[:0], Y[:0]), "non-empty"),
        ((X[:, :2], Y), "expected shape="),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments, reason):
    with pytest.raises(ValueError, match=reason):
        source_of(one_in_one_out(), *arguments)


@pytest.mark.parametrize("size", [0, -1])
def test_batch_size_below_one_is_refused(size):
    with pytest.raises(ValueError, match="batch_size"):
        source_of(one_in_one_out(), X, batch_size=size)


def test_text_is_no_input():
    with pytest.raises(TypeError):
        source_of(one_in_one_out(), np.array([["a", "b", "c"]]))


# ---- order


def order_of(source, epoch):
    return joined(source.batches(epoch))[1].tolist()


def test_shuffle_gives_each_epoch_an_order_of_its_own_that_the_seed_decides():
    model = one_in_one_out()
    first, again = (source_of(model, X, Y, W, 4, shuffle=True, seed=5) for _ in range(2))
    other = source_of(model, X, Y, W, 4, shuffle=True, seed=6)
    orders = [order_of(first, epoch) for epoch in range(3)]
    assert orders == [order_of(again, epoch) for epoch in range(3)]
    assert all(sorted(order) == list(range(COUNT)) for order in orders)
    assert len({tuple(order) for order in [*orders, order_of(other, 0), range(COUNT)]}) == 5
    x, y, weight = joined(first.batches(1))
    np.testing.assert_array_equal(x, X[y])
    np.testing.assert_array_equal(weight, W[y])


def test_shuffle_of_an_epoch_does_not_depend_on_the_epochs_before():
    source = source_of(one_in_one_out(), X, Y, shuffle=True)
    third = order_of(source, 2)
    order_of(source, 0)
    assert order_of(source, 2) == third


def test_shuffle_batch_changes_the_order_inside_of_batches():
    source = source_of(one_in_one_out(), X, Y, None, 4, shuffle="batch")
    batches = [batch.targets[0].tolist() for batch in source.batches(0)]
    assert [sorted(batch) for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert batches != [sorted(batch) for batch in batches]


def test_shuffle_of_another_kind_is_refused():
    with pytest.raises(ValueError, match="shuffle='yes'"):
        source_of(one_in_one_out(), X, shuffle="yes")


# ---- validation split


@pytest.mark.parametrize(("fraction", "training"), [(0.2, 8), (0.25, 8), (0.5, 5), (0.9, 1)])
def test_split_cuts_off_the_last_samples_before_any_shuffling(fraction, training):
    source = source_of(one_in_one_out(), X, Y, W, 4, shuffle=True, seed=1)
    train, validation = source.split(fraction)
    assert order_of(validation, 0) == list(range(training, COUNT))
    assert sorted(order_of(train, 0)) == list(range(training))
    assert (train.samples, validation.samples) == (training, COUNT - training)


@pytest.mark.parametrize("fraction", [0.95, 0.99])
def test_split_with_nothing_on_one_side_is_refused(fraction):
    source = source_of(one_in_one_out(), X, Y)
    with pytest.raises(ValueError, match="Training data contains 11 samples, which is not suff"):
        source.split(fraction)


@pytest.mark.parametrize("fraction", [0, 1, -0.5, 2])
def test_split_by_no_fraction_is_refused(fraction):
    with pytest.raises(ValueError, match="between 0 and 1"):
        source_of(one_in_one_out(), X, Y).split(fraction)


# ---- data that stays on disk


class Watched:
    """An array that only tells the rows that it was asked for."""

    def __init__(self, array):
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.asked = []

    def __getitem__(self, rows):
        self.asked.append(rows)
        return self._array[rows]

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("the whole array was read")


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
def test_array_like_data_is_read_batch_by_batch(shuffle):
    data = Watched(X)
    source, _ = source_of(one_in_one_out(), data, Y, None, 4, shuffle=shuffle).split(0.25)
    x, y, _ = joined(source.batches(0))
    np.testing.assert_array_equal(x, X[y])
    sizes = [len(range(COUNT)[rows] if isinstance(rows, slice) else rows) for rows in data.asked]
    assert max(sizes) == 4


@pytest.mark.parametrize("shuffle", [False, True])
def test_hdf5_data_is_read_in_any_order(tmp_path, shuffle):
    with h5py.File(tmp_path / "data.h5", "w") as file:
        file["x"], file["y"] = X, Y
        source = source_of(one_in_one_out(), file["x"], file["y"], None, 4, shuffle=shuffle)
        x, y, _ = joined(source.batches(0))
    np.testing.assert_array_equal(x, X[y])
    assert (y.tolist() == list(range(COUNT))) is not shuffle


@pytest.mark.parametrize("shuffle", [False, True])
def test_memory_mapped_data_is_not_copied_whole(tmp_path, shuffle):
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=X.shape)
    mapped[...] = X
    train, validation = source_of(one_in_one_out(), mapped, Y, None, 4, shuffle=shuffle).split(0.3)
    for source in (train, validation):
        x, y, _ = joined(source.batches(0))
        np.testing.assert_array_equal(x, X[y])


# ---- batches


class Numbered(PyDataset):
    def __init__(self, **options):
        super().__init__(**options)
        self.ended = 0

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return X[index : index + 1], Y[index : index + 1]

    def on_epoch_end(self):
        self.ended += 1


def test_dataset_comes_by_number_and_is_told_when_an_epoch_ends():
    data = Numbered()
    source = source_of(one_in_one_out(), data, shuffle=False)
    epochs = Epochs(source)
    assert epochs.steps == 4
    for number in range(2):
        assert joined(epochs.epoch(number))[1].tolist() == [0, 1, 2, 3]
    assert data.ended == 2


def test_dataset_with_shuffle_comes_in_another_order():
    source = source_of(one_in_one_out(), Numbered(), shuffle=True, seed=3)
    orders = [order_of(source, epoch) for epoch in range(4)]
    assert all(sorted(order) == [0, 1, 2, 3] for order in orders)
    assert len({tuple(order) for order in orders}) > 1


def test_generator_gives_weights_too():
    source = source_of(one_in_one_out(), generator(3, weight=True))
    assert source.count is None
    weights = [batch.weights[0].tolist() for batch in source.batches(0)]
    assert weights == [[0, 0.125], [0.125, 0.25], [0.25, 0.375]]


def test_batches_of_several_inputs_and_outputs():
    source = source_of(two_in_two_out(), iter([((X, X2), {"one": Y, "two": X2})]))
    (batch,) = source.batches(0)
    np.testing.assert_array_equal(batch.inputs[1], X2)
    np.testing.assert_array_equal(batch.targets[1], X2)


def test_batch_of_four_parts_is_refused():
    with pytest.raises(ValueError, match="found: 4 parts"):
        list(source_of(one_in_one_out(), iter([(X, Y, W, W)])).batches(0))


@pytest.mark.parametrize("name", ["y", "sample_weight"])
def test_targets_beside_batches_are_refused(name):
    with pytest.raises(ValueError, match=f"as a Numbered, `{name}` should not be passed"):
        source_of(one_in_one_out(), Numbered(), **{name: Y})


def test_first_batch_builds_the_model():
    model = cnnfast.Sequential([layers.Dense(2)])
    (batch,) = source_of(model, iter([(X, Y)])).batches(0)
    assert model.built
    assert batch.samples == COUNT
