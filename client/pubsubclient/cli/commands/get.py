"""``pubsub get``: receives events under a subscriber's name, and settles them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.event_command import run_for
from pubsubclient.cli.events import FORMATS, show_event
from pubsubclient.cli.failures import ReaderHasGone
from pubsubclient.cli.reads import state
from pubsubclient.cli.text import counted
from pubsubclient.cli.values import DURATION, SUBSCRIBER

if TYPE_CHECKING:
    from pubsubclient import Events, ReceivedEvent

__all__ = ["command"]

#: the most events and seconds of one request
_EVENTS, _WAIT_S = 1_000, 20.0


@click.command(
    cls=Command, epilog="An event is settled when it was written on stdout, or when the --exec command has ended."
)
@click.argument("subscriber", type=SUBSCRIBER)
@click.option("-n", "--max", "most", type=click.IntRange(min=1), metavar="N", help="Stop after N events.")
@click.option("--wait", type=DURATION, default=0, metavar="TIME", help="Stop when no event has come for this long (0).")
@click.option("-F", "--follow", is_flag=True, help="Go on until Ctrl-C.")
@click.option("--ack/--no-ack", default=True, help="Settle the events as done (default), or give them back.")
@click.option("--nack", metavar="REASON", help="Settle the events as failed; they come again after the backoff.")
@click.option("--exec", "program", metavar="COMMAND", help="Run this for each event, with its JSON on stdin; 0 acks.")
@click.option("-o", "--output", "form", type=click.Choice(FORMATS), default="line", help="What to write (line).")
@pass_common
def command(
    common: Common, subscriber: str, most: int | None, wait: float, nack: str | None, program: str | None, form: str,
    *, follow: bool, ack: bool,
) -> None:  # fmt: skip
    """Receive the events of SUBSCRIBER that are available, write them, and acknowledge them."""
    if program is not None and (nack is not None or not ack):
        raise click.UsageError("--exec settles by the command's exit code: it excludes --nack and --no-ack.")
    if follow and not ack:
        raise click.UsageError("--no-ack gives events back, so that --follow would get them again: use `pubsub tail`.")
    state(common.transport(), "subscriber", subscriber)  # an unknown name is an error, and is not made here
    from pubsubclient import Subscriber  # noqa: PLC0415 - `--help` needs no requests

    registered = Subscriber(subscriber, service=common.chosen_service())
    form = "json" if common.output.json else form
    got = 0
    try:
        while most is None or got < most:
            count = 1 if program is not None else min(_EVENTS, _EVENTS if most is None else most - got)
            events = registered.get_events(count, wait=min(_WAIT_S, _WAIT_S if follow else wait))
            if not events and not follow:
                break
            got += len(events)
            if program is not None:
                for event in events:
                    _run(event, program)
                continue
            for event in events:
                show_event(common.output, event, form)
            _settle(events, ack=ack, reason=nack)
            if not ack:
                break
    except (ReaderHasGone, KeyboardInterrupt):
        # whoever reads stdout has gone, perhaps without the last lines
        registered.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
        raise
    done = "given back" if not ack else "nacked" if nack is not None else "received"
    common.output.note(f"{counted(got, 'event')} {done}")


def _settle(events: Events, *, ack: bool, reason: str | None) -> None:
    if reason is not None:
        events.nack(reason=reason)
    elif ack:
        events.ack()
    else:
        events.release()


def _run(event: ReceivedEvent, program: str) -> None:
    code = run_for(event, program)
    if code == 0:
        event.ack()
    else:
        event.nack(reason=f"{program} exited with {code}")
