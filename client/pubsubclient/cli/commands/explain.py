"""``pubsub explain``: what became of an event under a subscriber, or under all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from pubsubclient._core.errors import Forbidden, NotFound
from pubsubclient.cli.common import Command, Common, pass_common
from pubsubclient.cli.failures import UNKNOWN, CommandError
from pubsubclient.cli.reads import names
from pubsubclient.cli.text import one_line

if TYPE_CHECKING:
    from pubsubclient import Explanation

__all__ = ["command"]


@click.command(cls=Command)
@click.argument("words", nargs=-1, metavar="[SUBSCRIBER] TOPIC EVENT")
@click.option("--all", "everyone", is_flag=True, help="For every subscriber that follows the topic: TOPIC EVENT.")
@pass_common
def command(common: Common, words: tuple[str, ...], *, everyone: bool) -> None:
    """Say what became of EVENT, a sequence or an id, under SUBSCRIBER: why it was not delivered, or who has it."""
    from pubsubclient._subscribe.explain import explain  # noqa: PLC0415 - `--help` needs no requests

    if len(words) != (2 if everyone else 3):
        expected = "--all takes TOPIC EVENT" if everyone else "expected SUBSCRIBER TOPIC EVENT, or --all TOPIC EVENT"
        raise click.UsageError(f"{expected}.")
    *subscriber, topic, event = words
    transport = common.transport()
    explanations = (explain(transport, name, event, topic) for name in subscriber)
    found = explanations if subscriber else _of_all(common, topic, event)
    for explanation in found:
        if explanation.state == "unknown_event":  # there is none, whoever asks
            detail = (
                f"Topic {topic} has no event {event}, or not among its newest 200 batches, where ids are looked for."
            )
            raise CommandError(detail, code="unknown_event", exit_code=UNKNOWN)
        if common.output.json:
            common.output.record(dict(explanation.raw))
        else:
            common.output.line(one_line(str(explanation)))


def _of_all(common: Common, topic: str, event: str) -> Iterator[Explanation]:
    from pubsubclient._subscribe.explain import explain  # noqa: PLC0415

    transport = common.transport()
    asked = 0
    for name in names(transport, "subscriber"):
        asked += 1
        common.output.progress(f"{asked} subscribers asked")
        try:
            yield explain(transport, name, event, topic)
        except (NotFound, Forbidden):  # it does not follow the topic, was just removed, or belongs to somebody else
            continue
