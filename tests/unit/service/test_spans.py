"""Sets of events: what is packed comes back, and stays small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pubsubservice.spans import (
    Span,
    bits_to_bytes,
    bytes_to_bits,
    first_of,
    mask_of,
    mask_of_spans,
    pack,
    select,
    unpack,
)

lengths = st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2), st.integers(1, 40)), min_size=1, max_size=12)


def spans_of(parts: list[tuple[int, int, int]]) -> list[Span]:
    """Spans of several logs, each log's batches in order."""
    ends: dict[tuple[int, int], tuple[int, int]] = {}
    spans = []
    for number, partition, length in parts:
        seq, first = ends.get((number, partition), (0, 0))
        spans.append(Span(number, partition, seq + 1, 2, 2 + length, first + 2))
        ends[(number, partition)] = (seq + 1, first + 2 + length)
    return spans


@given(st.sets(st.integers(0, 6_000)))
def test_bits_come_back_from_bytes(members: set[int]) -> None:
    """Whichever form is smaller is written; both are read."""
    bits = sum(1 << member for member in members)
    assert bytes_to_bits(bits_to_bytes(bits)) == bits


def test_a_long_run_takes_few_bytes() -> None:
    """All but one of 5,000 events settled is two runs, not a bitmap."""
    assert len(bits_to_bytes(((1 << 5_000) - 1) & ~(1 << 2_345))) <= 10


@given(lengths)
def test_spans_come_back_from_what_was_packed(parts: list[tuple[int, int, int]]) -> None:
    """Packing loses nothing."""
    assert unpack(pack(spans_of(parts))) == spans_of(parts)


@given(lengths, st.data())
def test_selected_events_are_those_whose_bits_are_set(parts: list[tuple[int, int, int]], data: st.DataObject) -> None:
    """Selecting by bits and naming by index agree."""
    spans = spans_of(parts)
    count = sum(span.stop - span.start for span in spans)
    mask = data.draw(st.integers(0, (1 << count) - 1))
    chosen = select(spans, mask)
    named = [(s.number, s.partition, s.first + i) for s in chosen for i in range(s.stop - s.start)]
    assert mask_of(spans, named) == mask == mask_of_spans(spans, chosen)


@given(lengths, st.integers(0, 100), st.integers(1, 5))
def test_the_first_events_are_bounded_both_ways(parts: list[tuple[int, int, int]], events: int, most: int) -> None:
    """At most so many events, in at most so many spans, from the front."""
    spans = spans_of(parts)
    chosen = first_of(spans, events, most)
    assert len(chosen) <= most
    assert sum(span.stop - span.start for span in chosen) <= events
    assert [span.first for span in chosen] == [span.first for span in spans[: len(chosen)]]


def test_events_that_are_not_there_are_passed_over() -> None:
    """An index outside of every span sets no bit."""
    assert mask_of([Span(1, 0, 1, 0, 3, 10)], [(1, 0, 9), (1, 0, 13), (2, 0, 10), (1, 1, 10)]) == 0
