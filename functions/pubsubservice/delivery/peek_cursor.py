"""The cursor of a peek: a reading state as text, which the client sends back to read on.

The service keeps nothing of a peek, so any process can continue it. A cursor comes from outside and is not trusted: whatever
the text holds, decoding either raises or returns a state with valid names and bounded numbers. Store times are left out,
because the reader takes them as proof that a log was not trimmed, and other subscribers share what the reader then caches.
A position that does not exist is read as the end of its log.
"""

from __future__ import annotations

import re
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Literal

import msgspec

from pubsubservice.core.names import check_name
from pubsubservice.core.patterns import check_pattern, is_pattern
from pubsubservice.core.problems import BadRequest, Problem
from pubsubservice.log.position import Position
from pubsubservice.subscribers.filters import MAX_FILTER_BYTES, compile_filters
from pubsubservice.subscribers.pattern_topics import followed_logs
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.state import State

__all__ = ["MAX_CURSOR", "MAX_PEEK_LOGS", "decode_cursor", "encode_cursor", "new_state", "too_many_logs"]

#: the most logs that one peek may read, and the most names and patterns that it may have
MAX_PEEK_LOGS = 100
#: characters of a cursor: it travels in a URL, and proxies take request lines of 8 KiB
MAX_CURSOR = 7_000
#: bytes of a cursor before compression
_MAX_BYTES = 100_000

_TEXT = re.compile(rf"[A-Za-z0-9_-]{{1,{MAX_CURSOR}}}")

_Seq = Annotated[int, msgspec.Meta(ge=1, lt=10**11)]
_Index = Annotated[int, msgspec.Meta(ge=0, lt=10**18)]
_Offset = Annotated[int, msgspec.Meta(ge=0, lt=10**6)]
_Name = Annotated[str, msgspec.Meta(max_length=255)]
_Positions = Annotated[list[tuple[_Seq, _Offset, _Index]], msgspec.Meta(max_length=MAX_PEEK_LOGS)]


class _Cursor(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    version: Literal[1]
    #: number of the next record of the registry
    registry: _Seq
    #: the filters as JSON; empty for none
    filters: Annotated[bytes, msgspec.Meta(max_length=MAX_FILTER_BYTES)]
    #: {pattern: (`Subscription.upto`, `Subscription.begin`)}
    patterns: Annotated[dict[_Name, tuple[_Index, _Index]], msgspec.Meta(max_length=MAX_PEEK_LOGS)]
    #: {topic: (next batch, offset in it, log index) of each partition}; empty while the topic does not exist
    topics: Annotated[dict[_Name, _Positions], msgspec.Meta(max_length=MAX_PEEK_LOGS)]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Cursor)


def new_state() -> State:
    """Return the state of a peek that follows nothing yet: it belongs to no subscriber, and is never stored."""
    state = State.new("")
    state.max_logs = MAX_PEEK_LOGS
    return state


def encode_cursor(state: State) -> str:
    """Return the cursor of a peek's state. Raises BadRequest if it would be too long."""
    filters, patterns, topics = b"", {}, {}
    for name, subscription in state.subscriptions.items():
        filters = filters or subscription.filters
        if is_pattern(name):
            patterns[name] = (subscription.upto, subscription.begin)
        else:
            topics[name] = [(position.seq, position.offset, position.index) for position in subscription.positions]
    packed = zlib.compress(_encoder.encode(_Cursor(1, state.registry.seq, filters, patterns, topics)))
    text = urlsafe_b64encode(packed).rstrip(b"=").decode()
    if len(text) > MAX_CURSOR:
        raise BadRequest(
            "too_many_logs",
            f"The cursor would have {len(text)} characters, and at most {MAX_CURSOR} fit into a URL: name fewer topics, or "
            "shorter filters.",
        )
    return text


def decode_cursor(text: str) -> State:
    """Return the state of a cursor. Raises BadRequest (`invalid_cursor`, `too_many_logs`)."""
    try:
        if not _TEXT.fullmatch(text):
            raise ValueError(text)
        unpacking = zlib.decompressobj()
        packed = unpacking.decompress(urlsafe_b64decode(text + "=" * (-len(text) % 4)), _MAX_BYTES)
        if not unpacking.eof:
            raise ValueError(text)
        state = _state_of(_decoder.decode(packed))
    except (ValueError, RecursionError, zlib.error, msgspec.MsgspecError, Problem) as e:
        raise BadRequest(
            "invalid_cursor",
            "cursor: the cursor of an earlier response is expected, unchanged; to begin without one, name topics.",
        ) from e
    if followed_logs(state) > MAX_PEEK_LOGS:
        raise too_many_logs()
    return state


def too_many_logs() -> BadRequest:
    """Return the BadRequest for a peek that would read too many logs."""
    return BadRequest(
        "too_many_logs",
        f"One call reads at most {MAX_PEEK_LOGS} logs (a topic has one per partition); these topics have more. Name fewer "
        "topics, or a narrower pattern.",
    )


def _state_of(cursor: _Cursor) -> State:
    """Return the state that a cursor describes. Raises Problem (invalid name or filter), ValueError (nothing to read)."""
    filters = compile_filters(msgspec.json.decode(cursor.filters)) if cursor.filters else None
    packed = filters.packed if filters else b""
    state = new_state()
    for pattern, (upto, begin) in cursor.patterns.items():
        pattern_subscription = _subscription(state, check_pattern(pattern), packed)
        pattern_subscription.upto, pattern_subscription.begin = upto, begin
    for topic, positions in cursor.topics.items():
        subscription = _subscription(state, check_name("topic", topic), packed)
        subscription.positions = [Position(*position) for position in positions]
    if not state.subscriptions:
        raise ValueError(cursor)
    state.registry = Position(cursor.registry)
    return state


def _subscription(state: State, name: str, filters: bytes) -> Subscription:
    """Add a subscription to a peek's state."""
    subscription = Subscription(state.new_number(), 0, filters=filters)
    state.subscriptions[name] = subscription
    return subscription
