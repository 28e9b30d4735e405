"""Sets of events: what is packed comes back, and stays small."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pubsubservice.subscribers.spans import (
    Piece,
    Span,
    bits_to_bytes,
    bytes_to_bits,
    cover,
    first_bits,
    first_of,
    mask_of,
    mask_of_pieces,
    pack,
    pieces,
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
    assert mask_of(spans, named) == mask
    assert mask_of_pieces(spans, [Piece(s, (1 << (s.stop - s.start)) - 1) for s in chosen]) == mask
    assert mask_of_pieces(spans, pieces(spans, mask)) == mask


@given(lengths, st.data())
def test_covered_events_come_back_without_the_holes(parts: list[tuple[int, int, int]], data: st.DataObject) -> None:
    """Spans that cover some events, less the bits in between, hold these events and no others."""
    spans = spans_of(parts)
    count = sum(span.stop - span.start for span in spans)
    some = pieces(spans, data.draw(st.integers(0, (1 << count) - 1)))
    covering, holes = cover(some)
    length = sum(span.stop - span.start for span in covering)
    assert pieces(covering, ((1 << length) - 1) & ~holes) == some


@given(st.integers(0, 1 << 70), st.integers(0, 80))
def test_the_first_bits_are_the_lowest(mask: int, count: int) -> None:
    """As many as asked for, or all there are."""
    kept = first_bits(mask, count)
    assert kept.bit_count() == min(count, mask.bit_count())
    assert kept & ~mask == 0
    assert mask & ~kept == 0 or (mask & ~kept) & -(mask & ~kept) > kept


@given(lengths, st.integers(1, 60), st.integers(1, 8))
def test_the_first_events_are_as_many_as_asked_for(parts: list[tuple[int, int, int]], events: int, most: int) -> None:
    """In their order, and in no more pieces than asked for."""
    spans = spans_of(parts)
    count = sum(span.stop - span.start for span in spans)
    all_of_them = pieces(spans, (1 << count) - 1)
    chosen = first_of(all_of_them, events, most)
    assert sum(piece.size for piece in chosen) == min(events, sum(piece.size for piece in all_of_them[:most]))
    assert [piece.span[:4] for piece in chosen] == [piece.span[:4] for piece in all_of_them[: len(chosen)]]


def test_events_that_are_not_there_are_passed_over() -> None:
    """An index outside of every span sets no bit."""
    assert mask_of([Span(1, 0, 1, 0, 3, 10)], [(1, 0, 9), (1, 0, 13), (2, 0, 10), (1, 1, 10)]) == 0


def test_an_event_is_found_where_spans_overlap() -> None:
    """One that was nacked by itself lies within the span of its neighbours, which is behind it as well as before."""
    neighbours, alone = Span(1, 0, 1, 0, 8, 0), Span(1, 0, 1, 1, 2, 1)
    assert mask_of([neighbours, alone], [(1, 0, 2)]) == 1 << 2
    assert mask_of([alone, neighbours], [(1, 0, 7), (1, 0, 0)]) == 1 << 8 | 1 << 1
    assert mask_of([neighbours, alone], [(1, 0, 1)]) == 1 << 1 | 1 << 8
    assert mask_of([neighbours, alone], [(1, 0, 8)]) == 0
