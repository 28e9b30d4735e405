"""The events of a response: the lines that were published, with the service's attributes spliced in. Nothing is decoded."""

from __future__ import annotations

import json

from pubsubservice.core.times import rfc3339
from pubsubservice.delivery.slices import Slice
from pubsubservice.log.sequence import sequence_prefix

__all__ = ["peeked_lines", "spliced_lines"]

_DUE_TIME = b'"duetime"'


def spliced_lines(slice_: Slice, attempt: int | None) -> list[bytes]:
    """Return the JSON of each event of a slice, with the service's attributes in place of its closing brace.

    Args:
        attempt: which delivery of the events this is, from 1; None if it is no delivery
    """
    head = f',"topic":{json.dumps(slice_.topic)},"sequence":"{sequence_prefix(slice_.span.partition)}'.encode()
    counted = "" if attempt is None else f',"attempt":{attempt}'
    tail = f'","recordedtime":"{rfc3339(slice_.batch.created)}"{counted}}}'.encode()
    first = slice_.span.first
    return [
        b"%b%b%020d%b" % (line[:-1], head, first + offset, tail)
        for offset, line in zip(slice_.offsets, slice_.lines, strict=True)
    ]


def peeked_lines(slice_: Slice) -> list[bytes]:
    """Return the JSON of each event of a slice for a peek: without an attempt, and with `duetime` if it was delayed.

    An event that has an attribute `duetime` of its own keeps that.
    """
    lines = spliced_lines(slice_, None)
    if not slice_.batch.delays():
        return lines
    for number, offset in enumerate(slice_.offsets):
        visible_us = slice_.batch.due_at(slice_.span.start + offset)[0]
        if visible_us != slice_.batch.created and _DUE_TIME not in slice_.lines[number]:
            lines[number] = b'%b,"duetime":"%b"}' % (lines[number][:-1], rfc3339(visible_us).encode())
    return lines
