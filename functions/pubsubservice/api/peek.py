"""The wire format of peeking (GET get_events): decodes and checks queries, and encodes responses."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pubsubservice.api.decoding import encode
from pubsubservice.api.event_lines import peeked_lines
from pubsubservice.api.get_events import MAX_HANDED_OUT, MAX_WAIT_S
from pubsubservice.api.subscribe import parse_start
from pubsubservice.core.names import check_name
from pubsubservice.core.patterns import check_pattern, is_pattern
from pubsubservice.core.problems import BadRequest
from pubsubservice.delivery.peek import Newest, Peek, PeekResponse
from pubsubservice.delivery.peek_cursor import MAX_PEEK_LOGS, too_many_logs
from pubsubservice.log.seek import LATEST, StartPosition
from pubsubservice.subscribers.filters import compile_filters

__all__ = ["MAX_NEWEST", "PARAMETERS", "decode_peek", "encode_peek"]

#: the largest `last`
MAX_NEWEST = 1_000
#: the query parameters beside `topic`, which may be repeated
PARAMETERS = ("cursor", "start", "last", "filters", "of", "max_events", "wait_s")

_WHOLE = re.compile(r"[0-9]{1,9}")
_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def decode_peek(topics: Sequence[str], query: Mapping[str, str]) -> Peek:
    """Check a query to peek; `topics` are its topics, `query` its other parameters. Raises BadRequest."""
    if len(topics) > MAX_PEEK_LOGS:
        raise too_many_logs()
    topics = [*dict.fromkeys(topics)]
    cursor = query.get("cursor")
    beginning = [name for name in ("start", "last", "filters") if name in query]
    if (cursor is None) != bool(topics) or (cursor is not None and beginning):
        raise BadRequest(
            "invalid_request",
            "Either topic is expected, once for each topic or pattern, with start or last, and filters; or the cursor of the "
            "last response, which holds them.",
        )
    for topic in topics:
        if is_pattern(topic):
            check_pattern(topic)
        else:
            check_name("topic", topic)
    newest = _whole(query, "last", 1, MAX_NEWEST, None)
    max_events = _whole(query, "max_events", 1, MAX_HANDED_OUT, max(100, newest or 0))
    wait = query.get("wait_s", "0")
    if not _DECIMAL.fullmatch(wait) or float(wait) > MAX_WAIT_S:
        raise BadRequest("invalid_request", f"wait_s: 0 to {MAX_WAIT_S} seconds are expected; got {wait[:40]!r}.")
    start = _start(query.get("start"), newest, topics)
    of = query.get("of")
    if of is not None:
        check_name("subscriber", of)
    return Peek(topics, start, _filters(query.get("filters")), cursor, of, max_events or 0, float(wait))


def encode_peek(response: PeekResponse) -> bytes:
    """Encode a response of a peek as JSON."""
    members: dict[str, Any] = {"cursor": response.cursor, "more": response.more}
    if response.lost:
        members["lost"] = dict(response.lost)
    if response.states is not None:
        members["states"] = response.states
    events = [line for slice_ in response.slices for line in peeked_lines(slice_)]
    return b'{"events":[%b],%b' % (b",".join(events), encode(members)[1:])


def _whole(query: Mapping[str, str], name: str, least: int, most: int, default: int | None) -> int | None:
    """Return a whole number of the query, `default` if it has none."""
    text = query.get(name)
    if text is None:
        return default
    if not _WHOLE.fullmatch(text) or not least <= int(text) <= most:
        raise BadRequest("invalid_request", f"{name}: {least} to {most} is expected; got {text[:40]!r}.")
    return int(text)


def _start(start: str | None, newest: int | None, topics: Sequence[str]) -> StartPosition | Newest:
    """Return the place where a peek begins."""
    if newest is None:
        found = LATEST if start is None else parse_start(start)
        if found is None:
            raise BadRequest(
                "invalid_request",
                'start: "latest", "earliest" or a time as RFC 3339 has it, such as 2026-01-31T12:00:00Z, is expected; got '
                f"{(start or '')[:40]!r}.",
            )
        return found
    if start is not None:
        raise BadRequest("invalid_request", "last: either start or last is expected.")
    pattern = next(filter(is_pattern, topics), None)
    if pattern is not None:
        raise BadRequest("invalid_request", f"last: names of topics are expected; {pattern!r} may stand for many.")
    return Newest(newest)


def _filters(text: str | None) -> bytes:
    """Return filters in their stored form; empty for none."""
    if text is None:
        return b""
    try:
        raw = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as e:
        raise BadRequest("invalid_filter", f"filters: an array of filters as JSON is expected: {e}.") from e
    compiled = compile_filters(raw)
    return compiled.packed if compiled else b""
