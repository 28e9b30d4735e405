"""Fast path: validates common events as a group; `validate` checks all others one by one.

A common event has only the usual members, each at most once, without white space between them. It is then exactly as long as
its decoded members, so one sum of lengths over the group proves that the decoder dropped nothing, a duplicate member included.
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
#: bytes of an event besides its values (names, quotes, colons, commas, braces): with the required members, and what each
#: optional member adds
_BYTES = len('{"specversion":"1.0","id":"","source":"","type":""}')
_TIME_BYTES, _SUBJECT_BYTES, _TYPE_BYTES, _DATA_BYTES = map(
    len, (',"time":""', ',"subject":""', ',"datacontenttype":""', ',"data":')
)


def common_entries(lines: Sequence[bytes], publisher: str, first: int) -> list[Entry] | None:
    """Return the entries of a group of events; None if one of them is uncommon or not valid.

    Args:
        lines: the JSON of each event, without line breaks
        publisher: name of the publisher
        first: index of the group's first event in the request, for error texts

    Raises BadRequest for numbers out of range and nesting that is too deep.
    """
    try:
        events = [_decoder.decode(line) for line in lines]
    except (msgspec.MsgspecError, RecursionError):
        return None
    datas = [bytes(event.data) for event in events]
    if not _are_valid(events, datas, lines):
        return None
    for index, data in enumerate(datas):
        if not data.startswith(b'"') and is_suspicious(data):  # a string holds neither numbers nor nesting
            check_values(lines[index], f"events[{first + index}]")
    return [
        Entry(event.id, event.source, identity(publisher, event.source, event.id), line)
        for event, line in zip(events, lines, strict=True)
    ]


def _are_valid(events: Sequence[_CommonEvent], datas: Sequence[bytes], lines: Sequence[bytes]) -> bool:
    """Whether the decoder dropped nothing of the lines, and all attributes have valid values."""
    times = [event.time for event in events if event.time]
    subjects = [event.subject for event in events if event.subject]
    types = [event.datacontenttype for event in events if event.datacontenttype]
    text = "".join([f"{event.id}{event.source}{event.type}" for event in events] + times + subjects + types)
    size = _BYTES * len(events) + (len(text) if text.isascii() else len(text.encode()))
    size += _TIME_BYTES * len(times) + _SUBJECT_BYTES * len(subjects) + _TYPE_BYTES * len(types)
    size += sum(map(len, datas)) + _DATA_BYTES * (len(datas) - datas.count(b""))
    # no line is shorter than its decoded members, so the sums are equal only if the lengths of every event are
    if size != sum(map(len, lines)):
        return False
    return (text.isprintable() or not CONTROL.search(text)) and are_times(times)
