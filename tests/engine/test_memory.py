"""The placement of buffers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cnnfast.engine.memory import Lifetime, aligned, assign_offsets

lifetimes = st.lists(
    st.builds(
        lambda floats, first, length: Lifetime(floats, first, first + length),
        st.integers(1, 100), st.integers(0, 9), st.integers(0, 4),
    ),
    max_size=12,
)  # fmt: skip


@given(lifetimes)
def test_offsets_never_overlap_while_both_live(lives):
    offsets, size = assign_offsets(lives)
    for i, one in enumerate(lives):
        assert offsets[i] % 16 == 0
        assert offsets[i] + one.floats <= size
        for j, other in enumerate(lives[:i]):
            apart = offsets[i] >= offsets[j] + other.floats
            apart = apart or offsets[j] >= offsets[i] + one.floats
            assert apart or not one.meets(other)


def test_offsets_a_chain_needs_its_two_largest_neighbours():
    chain = [Lifetime(size, step, step + 1) for step, size in enumerate((64, 32, 128, 16))]
    assert assign_offsets(chain)[1] == aligned(chain[1]) + aligned(chain[2])


def test_offsets_of_nothing_need_nothing():
    assert assign_offsets([]) == ([], 0)
