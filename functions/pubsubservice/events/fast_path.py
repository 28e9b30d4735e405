"""The usual events of a request, checked together: what can be told of all of them at once is not asked of each.

Usual is an event of the members that nearly all have, each once, without white space between them, so that an event is
just as long as its members. Then nothing was dropped: neither a member that came twice nor anything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec

from pubsubservice.events.attributes import CONTROL, are_times
from pubsubservice.events.entry import Entry, identity
from pubsubservice.events.json_limits import check_values, is_suspicious

__all__ = ["common_entries"]

_Text = Annotated[str, msgspec.Meta(min_length=1)]


class _CommonEvent(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    specversion: Literal["1.0"]
    id: _Text
    source: _Text
    type: _Text
    time: str = ""
    subject: str = ""
    datacontenttype: str = ""
    data: msgspec.Raw = msgspec.Raw()


_decoder = msgspec.json.Decoder(_CommonEvent)
#: bytes of an event beside its values: names, quotes, colons, commas and braces; and what optional members add
_BYTES = len('{"specversion":"1.0","id":"","source":"","type":""}')
_TIME_BYTES, _SUBJECT_BYTES, _TYPE_BYTES, _DATA_BYTES = map(
    len, (',"time":""', ',"subject":""', ',"datacontenttype":""', ',"data":')
)


def common_entries(lines: Sequence[bytes], publisher: str, first: int) -> list[Entry] | None:
    """The entries of events without line breaks; None if one of them is not usual, or has a fault.

    Args:
        first: the place of the first of them in the request

    Raises BadRequest for numbers and nesting that parsers would not read alike.
    """
    try:
        events = [_decoder.decode(line) for line in lines]
    except (msgspec.MsgspecError, RecursionError):
        return None
    datas = [bytes(event.data) for event in events]
    if not _is_whole(events, datas, lines):
        return None
    for number, data in enumerate(datas):
        if not data.startswith(b'"') and is_suspicious(data):  # within a string everything goes
            check_values(lines[number], f"events[{first + number}]")
    return [
        Entry(event.id, event.source, identity(publisher, event.source, event.id), line)
        for event, line in zip(events, lines, strict=True)
    ]


def _is_whole(events: Sequence[_CommonEvent], datas: Sequence[bytes], lines: Sequence[bytes]) -> bool:
    """Whether the events are what they were decoded from, and their attributes what the specification allows."""
    times = [event.time for event in events if event.time]
    subjects = [event.subject for event in events if event.subject]
    types = [event.datacontenttype for event in events if event.datacontenttype]
    text = "".join([f"{event.id}{event.source}{event.type}" for event in events] + times + subjects + types)
    size = _BYTES * len(events) + (len(text) if text.isascii() else len(text.encode()))
    size += _TIME_BYTES * len(times) + _SUBJECT_BYTES * len(subjects) + _TYPE_BYTES * len(types)
    size += sum(map(len, datas)) + _DATA_BYTES * (len(datas) - datas.count(b""))
    # none can be shorter than its members, so that the sums are equal only if each is
    if size != sum(map(len, lines)):
        return False
    return (text.isprintable() or not CONTROL.search(text)) and are_times(times)
