"""Hypothesis strategies for layers and stacks of layers that Keras accepts.

A layer is drawn as `(class name, keyword arguments)` for a given input shape without the batch,
so that the same description builds it with Keras and with cnnfast.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Shape = tuple[int, ...]
Description = tuple[str, dict[str, Any]]

ACTIVATIONS = (None, "relu", "tanh", "sigmoid", "elu", "gelu", "silu", "softmax", "leaky_relu")
SPATIAL_RANK = {2: "1D", 3: "2D"}

channels = st.sampled_from([1, 2, 3, 4, 7, 8, 16, 17])


@st.composite
def shapes(draw: st.DrawFn, spatial_rank: int) -> Shape:
    """Draw (L, C) or (H, W, C)."""
    return (*(draw(st.integers(1, 12)) for _ in range(spatial_rank)), draw(channels))


@st.composite
def convolutions(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw a convolution that fits the shape."""
    spatial, depth = shape[:-1], shape[-1]
    size = tuple(draw(st.integers(1, 5)) for _ in spatial)
    dilation = draw(st.sampled_from([1, 1, 1, 2, 3]))
    reach = [(taps - 1) * dilation + 1 for taps in size]
    paddings = ["same"] + (["causal"] if len(spatial) == 1 else [])
    if all(taps <= length for taps, length in zip(reach, spatial, strict=True)):
        paddings.append("valid")
    groups = draw(st.sampled_from([g for g in (1, 2, depth) if depth % g == 0]))
    return f"Conv{SPATIAL_RANK[len(shape)]}", {
        "filters": groups * draw(st.sampled_from([1, 2, 3, 5, 8, 17])),
        "kernel_size": size,
        "strides": 1 if dilation > 1 else draw(st.integers(1, 3)),
        "padding": draw(st.sampled_from(paddings)),
        "dilation_rate": dilation,
        "groups": groups,
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "use_bias": draw(st.booleans()),
    }


@st.composite
def poolings(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw a pooling that fits the shape."""
    spatial = shape[:-1]
    size = tuple(draw(st.integers(1, 4)) for _ in spatial)
    fits = all(taps <= length for taps, length in zip(size, spatial, strict=True))
    kind = draw(st.sampled_from(["Max", "Average"]))
    return f"{kind}Pooling{SPATIAL_RANK[len(shape)]}", {
        "pool_size": size,
        "strides": draw(st.sampled_from([None, 1, 2, 3])),
        "padding": draw(st.sampled_from(["same", "valid"] if fits else ["same"])),
    }


@st.composite
def paddings(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw a zero padding."""
    sides = st.tuples(st.integers(0, 3), st.integers(0, 3))
    amounts = draw(sides) if len(shape) == 2 else (draw(sides), draw(sides))
    return f"ZeroPadding{SPATIAL_RANK[len(shape)]}", {"padding": amounts}


@st.composite
def global_poolings(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw a pooling over the whole image or sequence."""
    kind = draw(st.sampled_from(["Max", "Average"]))
    return f"Global{kind}Pooling{SPATIAL_RANK[len(shape)]}", {"keepdims": draw(st.booleans())}


@st.composite
def dense_layers(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw a Dense layer."""
    return "Dense", {
        "units": draw(st.sampled_from([1, 2, 5, 10, 33])),
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "use_bias": draw(st.booleans()),
    }


@st.composite
def same_shape_layers(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw a layer that keeps the shape."""
    shared = st.sampled_from([None, *([axis] for axis in range(1, len(shape)))])
    options: list[Description] = [
        ("BatchNormalization", {"scale": draw(st.booleans()), "center": draw(st.booleans())}),
        ("Activation", {"activation": draw(st.sampled_from(ACTIVATIONS[1:]))}),
        ("ReLU", {"max_value": draw(st.sampled_from([None, 0.5, 6.0])), "negative_slope": 0.125}),
        ("LeakyReLU", {}),
        ("PReLU", {"shared_axes": draw(shared)}),
        ("ELU", {"alpha": 0.75}),
        ("Dropout", {"rate": 0.25}),
    ]
    return draw(st.sampled_from(options))


@st.composite
def reshaping_layers(draw: st.DrawFn, shape: Shape) -> Description:
    """Draw a layer that only rearranges values."""
    order = tuple(draw(st.permutations(range(1, len(shape) + 1))))
    options: list[Description] = [("Flatten", {}), ("Permute", {"dims": order})]
    if shape[0] > 1:
        options.append(("Reshape", {"target_shape": (shape[0], -1)}))
    return draw(st.sampled_from(options))


def layers_for(shape: Shape) -> st.SearchStrategy[Description]:
    """Return the strategies that suit a shape."""
    common = [same_shape_layers(shape), dense_layers(shape)]
    if len(shape) not in SPATIAL_RANK:
        return st.one_of(*common)
    spatial = [convolutions(shape), poolings(shape), paddings(shape), global_poolings(shape)]
    return st.one_of(*spatial, convolutions(shape), reshaping_layers(shape), *common)
