"""Prediction over arrays, files and batches of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cnnfast.engine.input_layer import Input
from cnnfast.layers import Dense
from cnnfast.models import Model, Sequential, predict
from cnnfast.utils import PyDataset
from exact import dense_by_hand, integers, with_integer_weights

SAMPLES = 75
SIZE = 6


@pytest.fixture
def model() -> Sequential:
    return with_integer_weights(Sequential([Dense(4, input_shape=(SIZE,)), Dense(2)], name="net"))


@pytest.fixture
def x() -> np.ndarray:
    return integers(SAMPLES, SIZE)


@pytest.fixture
def expected(model: Sequential, x: np.ndarray) -> np.ndarray:
    return dense_by_hand(x, model.get_weights())


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut the data every 8 samples."""
    monkeypatch.setattr(predict, "CHUNK_BYTES", 8 * SIZE * 4)


def quiet(model: Model, data: Any, **options: Any) -> Any:
    return model.predict(data, verbose=0, **options)


# ---- arrays


@pytest.mark.parametrize("batch_size", [None, 1, 7, 8, 32, 1000])
@pytest.mark.usefixtures("small_chunks")
def test_predict_batch_size_never_changes_the_result(
    model: Sequential, x: np.ndarray, expected: np.ndarray, batch_size: int | None
) -> None:
    assert (quiet(model, x, batch_size=batch_size) == expected).all()


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype(np.float64),
        lambda x: x.astype(np.float16),
        lambda x: x.astype(np.int64),
        lambda x: x.astype(">f8"),
        lambda x: np.asfortranarray(x),
        lambda x: np.repeat(x, 2, axis=0)[::2],
        lambda x: x.tolist(),
        lambda x: [x],
        lambda x: {"input_layer": x},
    ],
    ids=[
        "float64",
        "float16",
        "int64",
        "big-endian",
        "fortran",
        "strided",
        "list",
        "list-of-one",
        "dict",
    ],
)
@pytest.mark.usefixtures("small_chunks")
def test_predict_other_kinds_of_arrays_give_the_same(x: np.ndarray, convert: Any) -> None:
    tensor = Input((SIZE,), name="input_layer")
    model = with_integer_weights(Model(tensor, Dense(2)(tensor)))
    assert (quiet(model, convert(x)) == dense_by_hand(x, model.get_weights())).all()


def test_predict_booleans_are_zeros_and_ones(model: Sequential, x: np.ndarray) -> None:
    bits = x > 0
    assert (quiet(model, bits) == dense_by_hand(bits * 1.0, model.get_weights())).all()


@pytest.mark.usefixtures("small_chunks")
def test_predict_array_of_another_library_is_only_sliced(
    model: Sequential, x: np.ndarray, expected: np.ndarray
) -> None:
    class Dataset:
        shape, dtype = x.shape, x.dtype
        largest = 0

        def __getitem__(self, rows: slice) -> np.ndarray:
            Dataset.largest = max(Dataset.largest, len(x[rows]))
            return x[rows]

    assert (quiet(model, Dataset()) == expected).all()
    assert Dataset.largest <= 32


def test_predict_no_samples_gives_none(model: Sequential) -> None:
    assert quiet(model, np.empty((0, SIZE))).shape == (0, 2)


def test_predict_on_batch_is_a_call(
    model: Sequential, x: np.ndarray, expected: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (model.predict_on_batch(x) == expected).all()
    assert capsys.readouterr().out == ""


def test_predict_after_new_weights_uses_them(model: Sequential, x: np.ndarray) -> None:
    quiet(model, x)
    with_integer_weights(model, seed=5)
    assert (quiet(model, x) == dense_by_hand(x, model.get_weights())).all()


def test_predict_steps_takes_so_many_batches(
    model: Sequential, x: np.ndarray, expected: np.ndarray
) -> None:
    assert (quiet(model, x, steps=2) == expected[:64]).all()
    assert (quiet(model, x, steps=2, batch_size=5) == expected[:10]).all()
    assert (quiet(model, x, steps=99) == expected).all()


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (np.array(["a"]), TypeError, "real numbers"),
        (np.ones((2, SIZE), complex), TypeError, "real numbers"),
        (np.full((2, SIZE), None), TypeError, "real numbers"),
        ("abc", (TypeError, ValueError), "'net'"),
        (None, (TypeError, ValueError), "'net'"),
        (5, ValueError, "'net'"),
        (np.ones((2, SIZE + 1)), ValueError, r"'net'.*shape=\(None, 6\), found shape=\(None, 7\)"),
        (np.ones((2, 3, SIZE)), ValueError, "'net'"),
    ],
    ids=["text", "complex", "object", "str", "none", "number", "size", "rank"],
)
def test_predict_data_that_does_not_fit_is_refused(
    model: Sequential, data: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        quiet(model, data)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"batch_size": 0}, ValueError),
        ({"batch_size": -2}, ValueError),
        ({"batch_size": 2.5}, TypeError),
        ({"batch_size": True}, TypeError),
        ({"steps": 0}, ValueError),
        ({"steps": "2"}, TypeError),
        ({"verbose": 3}, ValueError),
        ({"verbose": "loud"}, ValueError),
    ],
    ids=str,
)
def test_predict_options_out_of_range_are_refused(
    model: Sequential, x: np.ndarray, options: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error, match=f"`{next(iter(options))}`"):
        model.predict(x, **options)


# ---- a place for the result


@pytest.mark.usefixtures("small_chunks")
def test_predict_out_is_filled_and_returned(
    model: Sequential, x: np.ndarray, expected: np.ndarray
) -> None:
    for out in (
        np.full((SAMPLES, 2), np.nan, np.float32),
        np.full((SAMPLES, 4), np.nan, np.float32)[:, ::2],
        np.asfortranarray(np.full((SAMPLES, 2), np.nan, np.float32)),
    ):
        assert quiet(model, x, out=out) is out
        assert (out == expected).all()


def test_predict_out_of_several_outputs_is_a_list() -> None:
    tensor = Input((SIZE,))
    model = Model(tensor, [Dense(2)(tensor), Dense(3)(tensor)])
    out = [np.empty((4, 2), np.float32), np.empty((4, 3), np.float32)]
    x = integers(4, SIZE)
    assert quiet(model, x, out=out) is out
    assert all((a == b).all() for a, b in zip(out, model(x), strict=True))


@pytest.mark.parametrize(
    ("out", "error", "message"),
    [
        (np.zeros((SAMPLES, 3), np.float32), ValueError, r"shape \(75, 2\)"),
        (np.zeros((SAMPLES - 1, 2), np.float32), ValueError, r"shape \(75, 2\)"),
        (np.zeros((SAMPLES, 2)), TypeError, "dtype float32"),
        (np.zeros((SAMPLES, 2), ">f4"), TypeError, "dtype float32"),
        ([np.zeros((SAMPLES, 2), np.float32)] * 2, ValueError, "must hold 1 arrays"),
        (5, TypeError, "must be a NumPy array"),
    ],
    ids=["columns", "rows", "float64", "big-endian", "two", "number"],
)
def test_predict_out_that_does_not_fit_is_refused_untouched(
    model: Sequential, x: np.ndarray, out: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        quiet(model, x, out=out)
    assert not np.any(out if not isinstance(out, int) else 0)


def test_predict_out_read_only_or_part_of_the_data_is_refused(x: np.ndarray) -> None:
    model = with_integer_weights(Sequential([Dense(SIZE, input_shape=(SIZE,))]))
    with pytest.raises(ValueError, match="must not share memory"):
        quiet(model, x, out=x)
    locked = np.zeros_like(x)
    locked.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        quiet(model, x, out=locked)


def test_predict_out_for_batches_is_refused(model: Sequential, x: np.ndarray) -> None:
    with pytest.raises(ValueError, match="number of samples is known"):
        quiet(model, iter([x]), out=np.empty((SAMPLES, 2), np.float32))


# ---- batches


def batches(x: np.ndarray) -> Iterator[Any]:
    for start in range(0, SAMPLES, 25):
        yield x[start : start + 25]


class Numbered:
    """Batches by number, without any base class."""

    def __init__(self, x: np.ndarray) -> None:
        self.batches = list(batches(x))

    def __len__(self) -> int:
        return len(self.batches)

    def __getitem__(self, index: int) -> Any:
        return self.batches[index], np.zeros(25)


class Dataset(PyDataset, Numbered):
    """Batches by number, derived from ours."""

    def __init__(self, x: np.ndarray) -> None:
        super().__init__(workers=2)
        Numbered.__init__(self, x)

    __len__ = Numbered.__len__
    __getitem__ = Numbered.__getitem__


@pytest.mark.parametrize(
    "make",
    [
        batches,
        lambda x: ((batch,) for batch in batches(x)),
        lambda x: ((batch, None) for batch in batches(x)),
        lambda x: ([batch, None, None] for batch in batches(x)),
        lambda x: iter([batch.tolist() for batch in ()] + list(batches(x))),
        Numbered,
        Dataset,
    ],
    ids=["arrays", "x", "xy", "xyw", "iterator", "numbered", "dataset"],
)
def test_predict_batches_are_joined(
    model: Sequential, x: np.ndarray, expected: np.ndarray, make: Any
) -> None:
    assert (quiet(model, make(x)) == expected).all()


def test_predict_endless_batches_stop_after_steps(model: Sequential, x: np.ndarray) -> None:
    def endless() -> Iterator[Any]:
        while True:
            yield x[:10], np.zeros(10)

    assert quiet(model, endless(), steps=3).shape == (30, 2)


def test_predict_batches_of_several_inputs_and_outputs() -> None:
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = with_integer_weights(Model([a, b], [Dense(2)(a), Dense(2)(b)]))
    p, q = integers(10, 3), integers(10, 3, seed=1)
    pieces = (([p[i : i + 4], q[i : i + 4]],) for i in range(0, 10, 4))
    assert all((x == y).all() for x, y in zip(quiet(model, pieces), model([p, q]), strict=True))


def test_predict_fewer_batches_than_steps_warns(model: Sequential, x: np.ndarray) -> None:
    with pytest.warns(UserWarning, match="ended after 3 batches; steps=5"):
        assert quiet(model, batches(x), steps=5).shape == (SAMPLES, 2)


def test_predict_no_batches_is_refused(model: Sequential) -> None:
    with pytest.raises(ValueError, match="'net' yielded no batches"):
        quiet(model, iter(()))


# ---- callbacks


class Recorder:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def set_model(self, model: Any) -> None:
        self.events.append(("model", model.name))

    def set_params(self, params: dict[str, Any]) -> None:
        self.events.append(("steps", params["steps"]))

    def on_predict_begin(self) -> None:
        self.events.append("begin")

    def on_predict_end(self) -> None:
        self.events.append("end")

    def on_predict_batch_begin(self, batch: int) -> None:
        self.events.append(("batch begins", batch))

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any]) -> None:
        self.events.append(("batch ends", batch, logs["outputs"].shape))


@pytest.mark.parametrize("make", [lambda x: x[:40], lambda x: iter([x[:32], x[32:40]])])
def test_predict_callbacks_are_told_of_every_batch(
    model: Sequential, x: np.ndarray, make: Any
) -> None:
    recorder = Recorder()
    quiet(model, make(x), callbacks=[recorder])
    steps = 2 if isinstance(make(x), np.ndarray) else None
    assert recorder.events == [
        ("model", "net"),
        ("steps", steps),
        "begin",
        ("batch begins", 0),
        ("batch ends", 0, (32, 2)),
        ("batch begins", 1),
        ("batch ends", 1, (8, 2)),
        "end",
    ]
