"""What stands and what changes between compile, fit and the next compile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import layers
from cnnfast.callbacks import History, LambdaCallback
from toytraining import DATA, small_fit, small_model

TARGETS = DATA[:, :2]


def moved(model: Any, **options: Any) -> list[bool]:
    before = model.get_weights()
    small_fit(model, 1, [], **options)
    return [not np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True)]


def test_compile_again_keeps_weights_and_begins_a_new_optimizer() -> None:
    model = small_model()
    small_fit(model, 2, [])
    before = model.get_weights()
    model.compile("adam", "mse")
    assert model.optimizer.iterations == 0
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_compile_again_with_the_same_optimizer_goes_on_with_it() -> None:
    model, other = small_model(), small_model()
    for _ in range(2):
        small_fit(model, 1, [], shuffle=False)
        model.compile(model.optimizer, "mse")
    small_fit(other, 2, [], shuffle=False)
    for one, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, expected)


def test_learning_rate_takes_effect_at_the_next_step() -> None:
    model = small_model("sgd")
    assert all(moved(model))
    model.optimizer.learning_rate = 0.0
    assert not any(moved(model))

    def speed_up(batch: int, logs: Any) -> None:
        model.optimizer.learning_rate = 0.5

    before = model.get_weights()
    small_fit(model, 1, [LambdaCallback(on_train_batch_begin=speed_up)])
    assert not np.array_equal(before[0], model.get_weights()[0])


def test_optimizer_can_be_replaced() -> None:
    model = small_model("sgd")
    small_fit(model, 1, [])
    model.optimizer = cnnfast.optimizers.Adam(0.0)
    assert not any(moved(model))
    assert model.optimizer.iterations == 4
    with pytest.raises(ValueError, match="nonsense"):
        model.optimizer = "nonsense"
    assert type(model.optimizer) is cnnfast.optimizers.Adam
    with pytest.raises(RuntimeError, match="must call"):
        cnnfast.Sequential([]).optimizer = "sgd"


def test_layer_frozen_after_training_began_trains_on_until_the_next_compile() -> None:
    model = small_model()
    assert moved(model) == [True] * 4
    model.layers[0].trainable = False
    with pytest.warns(UserWarning, match="Call `compile` again"):
        assert moved(model) == [True] * 4
    assert moved(model) == [True] * 4
    model.compile("adam", "mse")
    assert moved(model) == [False, False, True, True]


def test_layer_added_after_training_began_needs_another_compile() -> None:
    model = small_model()
    small_fit(model, 1, [])
    model.add(layers.Dense(2))
    with pytest.raises(ValueError, match="Call `compile` again"):
        small_fit(model, 1, [])
    model.compile("adam", "mse")
    assert moved(model) == [True] * 6


def test_two_models_train_the_layers_they_share_in_turn() -> None:
    shared = layers.Dense(3, name="shared")
    first, second = (
        cnnfast.Sequential([cnnfast.Input((3,)), shared, layers.Dense(2)]) for _ in range(2)
    )
    for model in (first, second):
        model.compile("sgd", "mse")
    seen = [shared.kernel.numpy()]
    for model in (first, second, second, first):
        model.train_on_batch(DATA, TARGETS)
        seen.append(shared.kernel.numpy())
        outputs = [one.predict(DATA, verbose=0) for one in (first, second)]
        for one, output in zip((first, second), outputs, strict=True):
            hidden = DATA @ seen[-1] + shared.bias.numpy()
            kernel, bias = one.layers[1].get_weights()
            np.testing.assert_allclose(hidden @ kernel + bias, output, rtol=1e-5, atol=1e-5)
    for one, other in zip(seen[1:], seen, strict=False):
        assert not np.array_equal(one, other)


def test_history_of_the_user_is_the_one_that_fit_returns() -> None:
    model, mine = small_model(), History()
    assert small_fit(model, 2, [mine]) is mine is model.history
    assert mine.epoch == [0, 1]
    assert mine.params == {"verbose": 0, "epochs": 2, "steps": 4}


def test_metrics_have_their_names_before_and_after_the_first_batch() -> None:
    model = small_model()
    model.compile(
        "sgd",
        "mse",
        metrics=["mae", "accuracy", cnnfast.metrics.MeanSquaredError(name="mine"), "mae"],
        weighted_metrics=["mae", cnnfast.losses.mean_squared_error],
    )  # fmt: skip
    names = ["loss", "mae", "accuracy", "mine", "mae_1", "weighted_mae", "mean_squared_error"]
    assert model.metrics_names == names
    values = model.evaluate(DATA, TARGETS, verbose=0)
    assert model.metrics_names == names
    found = model.evaluate(DATA, TARGETS, verbose=0, return_dict=True)
    assert list(found) == sorted(names)
    assert values == [found[name] for name in names]


def test_metric_under_a_name_of_its_own_tells_callbacks_which_way_is_better() -> None:
    model = small_model()
    model.compile("sgd", "mse", metrics=[cnnfast.metrics.RootMeanSquaredError(name="mine")])
    stopping = cnnfast.callbacks.EarlyStopping(monitor="mine")
    small_fit(model, 1, [stopping])
    assert stopping.is_better(0.5, 1.0)
    assert not stopping.is_better(2.0, 1.0)


def test_memory_mapped_arrays_train_as_arrays_do(tmp_path: Path) -> None:
    mapped = np.memmap(tmp_path / "data", np.float32, "w+", shape=DATA.shape)
    mapped[:] = DATA
    model, other = small_model(), small_model()
    for network, x in ((model, mapped), (other, DATA)):
        np.random.seed(4)
        network.fit(x, x[:, :2], batch_size=4, epochs=2, verbose=0, validation_split=0.3)
    for one, expected in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, expected)


def test_model_without_an_input_shape_is_built_by_fit() -> None:
    model = cnnfast.Sequential([layers.Dense(4, activation="relu"), layers.Dense(2)])
    model.compile("adam", "mse", metrics=["mae"])
    assert model.metrics_names == ["loss", "mae"]
    history = model.fit(iter([(DATA, TARGETS)]), verbose=0).history
    assert list(history) == ["loss", "mae"]
    assert len(model.get_weights()) == 4


def test_arguments_of_fit_stand_in_keras_order() -> None:
    model = small_model()
    history = model.fit(DATA, TARGETS, 4, 2, 0, None, 0.3)
    assert list(history.history) == ["loss", "val_loss"]
    assert history.params == {"verbose": 0, "epochs": 2, "steps": 3}


@pytest.mark.parametrize(("verbose", "ends"), [(1, "step - loss: "), (2, "step - loss: ")])
def test_fit_shows_epochs_losses_and_validation(
    capsys: pytest.CaptureFixture[str], verbose: int, ends: str
) -> None:
    model = small_model()
    model.fit(DATA, TARGETS, epochs=2, verbose=verbose, validation_split=0.3)
    lines = capsys.readouterr().out.splitlines()
    assert [lines[0], lines[2]] == ["Epoch 1/2", "Epoch 2/2"]
    assert ends in lines[1]
    assert " - val_loss: " in lines[1]
    assert lines[1].startswith("1/1 " + ("━" * 20 if verbose == 1 else "- 0s"))
    model.evaluate(DATA, TARGETS, verbose=verbose)
    assert ends in capsys.readouterr().out
