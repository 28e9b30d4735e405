"""``pubsub relay``: publishes what an outbox holds, or tells what the service refuses."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timezone
from typing import TYPE_CHECKING, TypeVar

import click

from pubsubclient._core.errors import PubSubError
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.failures import REFUSED, CommandError
from pubsubclient.cli.text import ago, counted, one_line, shortened

if TYPE_CHECKING:
    from pubsubclient._outbox.connections import Connection
    from pubsubclient._outbox.outbox import Outbox, SetAside

__all__ = ["command"]

Result = TypeVar("Result")

_HEADS = ["EVENT", "TOPIC", "ADDED", "REASON"]
_REASON_WIDTH = 100


@click.command(cls=Command, epilog="One relay of an outbox works at a time; others stand by.")
@click.argument("outbox", metavar="MODULE:OUTBOX")
@click.option("--once", is_flag=True, help="End when all that is committed is published.")
@click.option("--failed", is_flag=True, help="List the events that the service refuses, which were set aside.")
@click.option("--retry", is_flag=True, help="Let the relay try these again.")
@pass_common
def command(common: Common, outbox: str, *, once: bool, failed: bool, retry: bool) -> int:
    """Publish the events of an outbox, such as `shop.db:outbox`, until SIGTERM or Ctrl-C."""
    from pubsubclient._worker.load import load  # noqa: PLC0415 - it imports requests

    if once + failed + retry > 1:
        raise CommandError("--once, --failed, --retry: expected one of them")
    found = load(outbox, "outbox")
    if not callable(getattr(found, "relay", None)) or not hasattr(found, "failed"):
        raise CommandError(f"{outbox}: expected an Outbox; it is {found!r:.80}.", code="config")
    relay = found.relay()
    if failed or retry:
        (_list if failed else _retry)(common, found)
        return 0
    common.chosen_service()
    if once:
        _say(common, "published", "published", _of_database(relay.run_once))
        return 0
    common.output.note(f"relaying {found.table}")
    return int(relay.run())


def _list(common: Common, outbox: Outbox) -> None:
    aside = _with_connection(outbox, outbox.failed)
    if common.output.json:
        for one in aside:
            common.output.record({**one._asdict(), "created": one.created.isoformat()})
    elif aside:
        common.output.table(_HEADS, [_row(one) for one in aside])
    else:
        common.output.note(f"{outbox.table} has no events that the service refuses")


def _row(one: SetAside) -> list[str]:
    added = ago(one.created, datetime.now(timezone.utc))
    return [one_line(one.id), one.topic, added, shortened(one_line(one.reason), _REASON_WIDTH)]


def _retry(common: Common, outbox: Outbox) -> None:
    def retry(connection: Connection) -> int:
        count = outbox.retry(connection)
        connection.commit()
        return count

    _say(common, "to be tried again", "retried", _with_connection(outbox, retry))


def _say(common: Common, what: str, member: str, count: int) -> None:
    if common.output.json:
        common.output.record({member: count})
    else:
        common.output.note(f"{counted(count, 'event')} {what}")


def _with_connection(outbox: Outbox, work: Callable[[Connection], Result]) -> Result:
    def run() -> Result:
        with closing(outbox.open()) as connection:
            return work(connection)

    return _of_database(run)


def _of_database(work: Callable[[], Result]) -> Result:
    """Return what `work` returns. Raises CommandError for what the database's driver raises."""
    try:
        return work()
    except PubSubError:
        raise
    except Exception as error:  # the drivers' errors have no common base
        detail = f"the outbox's database: {type(error).__name__}: {error}"
        raise CommandError(detail, code="database", exit_code=REFUSED) from error
