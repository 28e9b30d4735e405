"""How commands show an event."""

from __future__ import annotations

import json

from pubsubclient._events.received import ReceivedEvent
from pubsubclient.cli.output import Output
from pubsubclient.cli.text import one_line, printable, shortened, time_of_day

__all__ = ["FORMATS", "data_of", "show_event"]

#: what -o takes: a line for people, the whole event, its data, or its sequence
FORMATS = ("line", "json", "data", "sequence")
_DATA_WIDTH_WITHOUT_TERMINAL = 2_000


def show_event(output: Output, event: ReceivedEvent, form: str) -> None:
    """Write an event on stdout."""
    if form == "json":
        output.record(dict(event.members))
    elif form == "data":
        output.raw(data_of(event))
    elif form == "sequence":
        output.line(event.sequence)
    else:
        output.line(_line(output, event))


def _line(output: Output, event: ReceivedEvent) -> str:
    head = f"{time_of_day(event.recordedtime)}  {event.topic}  {printable(event.type)}"
    if event.subject is not None:
        head += f"  {printable(event.subject)}"
    if "duetime" in event.members:
        head += f"  due {printable(str(event.members['duetime']))}"
    room = min(max(20, output.width - len(head) - 2), _DATA_WIDTH_WITHOUT_TERMINAL)
    data = shortened(one_line(data_of(event)), room)
    time, _, rest = head.partition("  ")
    topic, _, rest = rest.partition("  ")
    return "  ".join(
        [output.style(time, dim=True), output.style(topic, bold=True), output.style(rest, fg="cyan"), data]
    )


def data_of(event: ReceivedEvent) -> str:
    """Return an event's data as text: JSON, text as it stands, or the beginning of bytes in hexadecimal."""
    data = event.data
    if isinstance(data, bytes):
        return f"{len(data)} bytes: {data[:64].hex(' ')}{' …' if len(data) > 64 else ''}"
    return data if isinstance(data, str) else json.dumps(data, ensure_ascii=False)
