"""``pubsub publish``: one event, or one for each line of a file or of standard input."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.event_lines import EventMaker
from pubsubclient.cli.line_chunks import chunks_of
from pubsubclient.cli.publishing import PublishedLines
from pubsubclient.cli.text import counted
from pubsubclient.cli.values import DURATION, PUBLISHER, TOPIC

__all__ = ["command"]


@click.command(
    cls=Command,
    short_help="publish an event, or one for each line",
    epilog="The sequence of each stored event is a line on stdout; with --json it is an object with line, id, sequence and "
    "recordedtime. If something goes wrong, the lines before are stored, and the error names the line.",
)
@click.argument("topic", type=TOPIC)
@click.argument("data", required=False)
@click.option("-f", "--file", type=click.File("rb"), help="One event for each line of this file; - is stdin.")
@click.option("--text", is_flag=True, help="Data is text as it stands, not JSON.")
@click.option("--cloudevents", is_flag=True, help="Each line is a whole CloudEvent, as `pubsub get --json` writes it.")
@click.option("--type", "kind", metavar="TYPE", help="The kind of event (event).")
@click.option("--subject", metavar="TEXT", help="The thing that the event is about.")
@click.option(
    "-a", "--attribute", "attributes", multiple=True, metavar="NAME=VALUE", help="A further attribute; repeatable."
)
@click.option("--id", "identity", metavar="ID", help="The event's id, if there is one event (a random one).")
@click.option("--publisher", type=PUBLISHER, default="cli", help="The publisher's name (cli).")
@click.option("--delay", type=DURATION, metavar="TIME", help="Deliver the events no earlier than after this time.")
@click.option("--rate", type=click.FloatRange(min=0, min_open=True), metavar="N", help="At most N events per second.")
@pass_common
def command(
    common: Common, topic: str, data: str | None, file: BinaryIO | None, delay: float | None, rate: float | None,
    publisher: str, **members: Any,
) -> int:  # fmt: skip
    """Publish an event with DATA, which is JSON, or one for each line of a file or of standard input."""
    maker = EventMaker(topic, **members)
    maker.check(several=data is None)
    lines = _lines(common, data, file)
    from pubsubclient import Publisher  # noqa: PLC0415 - `--help` needs no requests

    service = common.chosen_service()
    published = PublishedLines(common.output, Publisher(publisher, service=service), delay)
    started = time.monotonic()
    for number, chunk in chunks_of(lines, rate):
        if not published.publish([(number + index, line) for index, line in enumerate(chunk)], maker):
            break
        common.output.progress(f"{counted(published.stored, 'event')} published, {_rate(published.stored, started)}")
    took = f"in {time.monotonic() - started:.1f} s"
    return published.end(f"{counted(published.stored, 'event')} published {took}", several=data is None)


def _lines(common: Common, data: str | None, file: BinaryIO | None) -> Iterator[bytes]:
    if data is not None:
        if file is not None:
            raise click.UsageError("DATA and --file exclude each other.")
        return iter([data.encode("utf-8", "surrogateescape")])
    if file is not None and file.name != "<stdin>":
        return iter(file)
    if sys.stdin is None:
        raise click.UsageError("Standard input is closed: give DATA or --file.")
    if sys.stdin.isatty():
        common.output.note("One event a line, as JSON; Ctrl-D ends.")
    # The thread that reads lines may still be waiting for one when the program ends. Python aborts if it holds the lock of
    # sys.stdin then, so it gets a reader of its own.
    return iter(open(sys.stdin.fileno(), "rb", closefd=False))


def _rate(count: int, started: float) -> str:
    return f"{count / max(0.001, time.monotonic() - started):.0f}/s"
