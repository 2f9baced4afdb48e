"""Names of Keras 1, turned into those of Keras 2."""

from __future__ import annotations

import pytest

from cnnfast.saving.keras1 import modernize


def test_convolution_arguments_are_renamed():
    name, config = modernize(
        "Convolution2D",
        {
            "name": "c",
            "nb_filter": 8,
            "nb_row": 3,
            "nb_col": 5,
            "subsample": [2, 2],
            "border_mode": "same",
            "dim_ordering": "th",
            "init": "he_normal",
            "W_regularizer": {"name": "WeightRegularizer", "l2": 0.5},
            "bias": False,
            "activation": "relu",
        },
    )
    assert name == "Conv2D"
    assert config == {
        "name": "c",
        "filters": 8,
        "kernel_size": [3, 5],
        "strides": [2, 2],
        "padding": "same",
        "data_format": "channels_first",
        "kernel_initializer": "he_normal",
        "kernel_regularizer": {"name": "WeightRegularizer", "l2": 0.5},
        "use_bias": False,
        "activation": "relu",
    }


def test_convolution_over_a_sequence_is_renamed():
    old = {"nb_filter": 4, "filter_length": 3, "subsample_length": 2, "input_dim": 9}
    assert modernize("Convolution1D", old) == (
        "Conv1D",
        {"filters": 4, "kernel_size": 3, "strides": 2},
    )


def test_dilated_convolution_becomes_a_plain_one():
    assert modernize("AtrousConvolution1D", {"atrous_rate": 2}) == ("Conv1D", {"dilation_rate": 2})


@pytest.mark.parametrize("class_name", ["Dense", "TimeDistributedDense"])
def test_dense_output_dim_becomes_units(class_name):
    assert modernize(class_name, {"output_dim": 5, "input_dim": 3}) == ("Dense", {"units": 5})


def test_embedding_keeps_its_dimensions():
    old = {"input_dim": 7, "output_dim": 2, "init": "uniform", "dropout": 0.0, "input_length": 4}
    assert modernize("Embedding", old) == (
        "Embedding",
        {"input_dim": 7, "output_dim": 2, "embeddings_initializer": "uniform"},
    )


def test_embedding_dropout_is_refused():
    with pytest.raises(ValueError, match=r"'e' \(Embedding\) has dropout=0.2"):
        modernize("Embedding", {"name": "e", "dropout": 0.2})


@pytest.mark.parametrize(
    ("class_name", "old", "new"),
    [
        ("MaxPooling1D", {"pool_length": 3, "stride": 2}, {"pool_size": 3, "strides": 2}),
        ("Dropout", {"p": 0.5}, {"rate": 0.5}),
        ("GaussianNoise", {"sigma": 0.1}, {"stddev": 0.1}),
        ("UpSampling1D", {"length": 2}, {"size": 2}),
        ("ZeroPadding2D", {"padding": [1, 2, 3, 4]}, {"padding": [[1, 2], [3, 4]]}),
        ("ZeroPadding2D", {"padding": [1, 2]}, {"padding": [1, 2]}),
        ("BatchNormalization", {"mode": 2, "axis": 1}, {"axis": 1}),
        ("Activation", {"activation": "relu"}, {"activation": "relu"}),
    ],
)
def test_other_layers_are_renamed(class_name, old, new):
    assert modernize(class_name, old) == (class_name, new)


def test_batch_normalization_per_sample_is_refused():
    with pytest.raises(ValueError, match="mode=1"):
        modernize("BatchNormalization", {"mode": 1})


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("sum", ("Add", {"name": "m"})),
        ("concat", ("Concatenate", {"name": "m", "axis": 1})),
        ("mul", ("Multiply", {"name": "m"})),
    ],
)
def test_merge_becomes_the_layer_of_its_mode(mode, expected):
    assert modernize("Merge", {"name": "m", "mode": mode, "concat_axis": 1}) == expected


@pytest.mark.parametrize("mode", ["dot", "cos", {"function": "code"}])
def test_merge_of_other_modes_stays_unknown(mode):
    assert modernize("Merge", {"mode": mode})[0] == "Merge"
