"""The tables of `summary`; the framed ones were compared with those of Keras 3.15."""

from __future__ import annotations

from typing import Any

import pytest

from cnnfast.engine.input_layer import Input
from cnnfast.layers import Add, BatchNormalization, Conv1D, Dense, Flatten, MaxPool1D
from cnnfast.models import Model, Sequential
from cnnfast.models.summary_rich import readable_size

FRAMED = """\
Model: "line"
┏━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━┓
┃ Layer (type)             ┃ Output Shape      ┃   Param # ┃
┡━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━┩
│ slide (Conv1D)           │ (None, 21, 1)     │         6 │
├──────────────────────────┼───────────────────┼───────────┤
│ peaks (MaxPooling1D)     │ (None, 17, 1)     │         0 │
├──────────────────────────┼───────────────────┼───────────┤
│ flatten (Flatten)        │ (None, 17)        │         0 │
├──────────────────────────┼───────────────────┼───────────┤
│ scores (Dense)           │ (None, 5)         │        90 │
└──────────────────────────┴───────────────────┴───────────┘
 Total params: 96 (384.00 B)
 Trainable params: 96 (384.00 B)
 Non-trainable params: 0 (0.00 B)
"""

PLAIN = """\
Model: "line"
_________________________________________________________________
Layer (type)                 Output Shape              Param #   
=================================================================
slide (Conv1D)               (None, 21, 1)             6         
_________________________________________________________________
peaks (MaxPooling1D)         (None, 17, 1)             0         
_________________________________________________________________
flatten (Flatten)            (None, 17)                0         
_________________________________________________________________
scores (Dense)               (None, 5)                 90        
=================================================================
Total params: 96
Trainable params: 96
Non-trainable params: 0
_________________________________________________________________
"""  # noqa: W291 - the columns of Keras 2 are filled with blanks

BRANCHING = """\
__________________________________________________________________________________________________
Layer (type)                    Output Shape         Param #     Connected to                     
==================================================================================================
x (InputLayer)                  (None, 4)            0                                            
__________________________________________________________________________________________________
left (Dense)                    (None, 4)            20          x[0][0]                          
__________________________________________________________________________________________________
joined (Add)                    (None, 4)            0           x[0][0]                          
                                                                 left[0][0]                       
==================================================================================================
"""  # noqa: W291


@pytest.fixture
def stack() -> Sequential:
    return Sequential(
        [
            Conv1D(1, 5, input_shape=(25, 1), name="slide"),
            MaxPool1D(5, 1, name="peaks"),
            Flatten(name="flatten"),
            Dense(5, name="scores"),
        ],
        name="line",
    )


@pytest.fixture
def branching() -> Model:
    x = Input((4,), name="x")
    return Model(x, Add(name="joined")([x, Dense(4, name="left")(x)]), name="branching")


def printed(model: Model, **options: Any) -> list[str]:
    parts: list[str] = []
    model.summary(print_fn=parts.append, **options)
    return parts


def test_summary_framed_is_one_text(stack: Sequential) -> None:
    assert printed(stack, line_length=60) == [FRAMED]


def test_summary_plain_is_printed_line_by_line(stack: Sequential) -> None:
    assert printed(stack, style="plain") == PLAIN.splitlines()


@pytest.mark.parametrize("style", ["keras3", "plain"])
def test_summary_without_print_fn_goes_to_stdout(
    stack: Sequential, capsys: pytest.CaptureFixture[str], style: str
) -> None:
    assert stack.summary(style=style) is None  # type: ignore[func-returns-value]
    out = capsys.readouterr().out
    assert 'Model: "line"' in out
    assert "slide (Conv1D)" in out


def test_summary_plain_of_branches_shows_connections_one_per_line(branching: Model) -> None:
    assert printed(branching, style="plain")[1:11] == BRANCHING.splitlines()


def test_summary_framed_of_branches_has_a_column_of_connections(branching: Model) -> None:
    (text,) = printed(branching, line_length=100)
    assert "Connected to" in text
    assert "x[0][0], left[0][0]" in text.replace("\n", "")


def test_summary_of_a_functional_stack_has_no_column_of_connections() -> None:
    x = Input((4,))
    assert "Connected to" not in printed(Model(x, Dense(2)(x)))[0]


@pytest.mark.parametrize("style", ["keras3", "plain"])
def test_summary_of_unbuilt_model_shows_question_marks(style: str) -> None:
    text = "\n".join(printed(Sequential([Dense(3), Dense(2)]), style=style))
    assert text.count("?") == 2
    assert text.count("unbuilt") == 2
    assert "Total params: 0" in text


def test_summary_of_empty_model_is_a_table_without_rows() -> None:
    assert "Total params: 0 (0.00 B)" in printed(Sequential())[0]


@pytest.mark.parametrize("style", ["keras3", "plain"])
def test_summary_show_trainable_marks_frozen_layers(style: str) -> None:
    model = Sequential([Dense(3, input_shape=(2,)), Flatten(), Dense(2, trainable=False)])
    lines = "\n".join(printed(model, style=style, show_trainable=True)).splitlines()
    marks = [line.strip(" │").split()[-1] for line in lines if "(None" in line]
    assert marks == ["Y", "-", "N"]


@pytest.mark.parametrize("style", ["keras3", "plain"])
def test_summary_expand_nested_shows_inner_layers(stack: Sequential, style: str) -> None:
    outer = Sequential([stack, Dense(2, name="last")])
    assert "slide" not in "\n".join(printed(outer, style=style))
    text = "\n".join(printed(outer, style=style, expand_nested=True))
    assert "   └ slide (Conv1D)" in text
    assert "Total params: 108" in text


def test_summary_counts_statistics_as_not_trainable() -> None:
    model = Sequential([BatchNormalization(input_shape=(7,))])
    text = printed(model)[0]
    assert "Trainable params: 14 (56.00 B)" in text
    assert "Non-trainable params: 14 (56.00 B)" in text


@pytest.mark.parametrize(
    ("layer_range", "shown"),
    [
        (("peaks", "flatten"), ["peaks", "flatten"]),
        (("flatten", "peaks"), ["peaks", "flatten"]),
        (("sl.*", "pe.*"), ["slide", "peaks"]),
    ],
    ids=str,
)
def test_summary_layer_range_by_name_or_pattern(
    stack: Sequential, layer_range: tuple[str, str], shown: list[str]
) -> None:
    text = printed(stack, layer_range=layer_range)[0]
    assert [layer.name for layer in stack.layers if f"{layer.name} (" in text] == shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"style": "fancy"}, r"'keras3', 'plain'.*'fancy'"),
        ({"layer_range": ("nope", "peaks")}, "must name layers"),
        ({"layer_range": ("peaks",)}, "must be two names"),
        ({"layer_range": (1, 2)}, "must be two names"),
        ({"line_length": 10}, "columns of the summary"),
    ],
    ids=str,
)
def test_summary_options_that_make_no_sense_are_refused(
    stack: Sequential, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        printed(stack, **options)


def test_summary_positions_move_the_columns(stack: Sequential) -> None:
    header = printed(stack, style="plain", line_length=60, positions=[0.5, 0.75, 1.0])[2]
    assert (header.index("Output"), header.index("Param")) == (30, 45)
    header = printed(stack, style="plain", line_length=60, positions=[20, 40, 60])[2]
    assert (header.index("Output"), header.index("Param")) == (20, 40)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0.00 B"), (1023, "1023.00 B"), (1024, "1.00 KB"), (5652, "5.52 KB"), (2**30, "1.00 GB")],
)
def test_readable_size_uses_units_of_1024(size: int, text: str) -> None:
    assert readable_size(size) == text
