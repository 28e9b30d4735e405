"""Makes the event of a line, for `pubsub publish`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from pubsubclient._core.errors import InvalidArgument

if TYPE_CHECKING:
    from pubsubclient import Event

__all__ = ["EventMaker", "LineError"]


class LineError(Exception):
    """A line is no event; the message says why."""


class EventMaker:
    """Makes events of one topic with the members that the options give; `make` is called for each line."""

    def __init__(
        self, topic: str, *, text: bool, cloudevents: bool, kind: str | None, subject: str | None, identity: str | None,
        attributes: Sequence[str],
    ) -> None:  # fmt: skip
        self._topic = topic
        self._text = text
        self._cloudevents = cloudevents
        self._members: dict[str, Any] = {"type": kind or "event", "subject": subject, "id": identity}
        self._attributes = dict(map(_attribute, attributes))
        self._given = any([text, kind, subject, identity, attributes])

    def check(self, *, several: bool) -> None:
        """Raise UsageError for options that contradict each other."""
        if self._cloudevents and self._given:
            raise click.UsageError(
                "--cloudevents takes whole events: it excludes --text, --type, --subject, --id and -a."
            )
        if several and self._members["id"] is not None:
            raise click.UsageError("--id is for one event with DATA; lines get an id each.")
        if not self._cloudevents:
            try:
                self._event(None)
            except InvalidArgument as error:
                raise click.UsageError(str(error)) from error

    def make(self, line: bytes) -> Event:
        """Return the event of a line. Raises LineError."""
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise LineError(f"not UTF-8: {error}.") from error
        try:
            return self._whole_event(text) if self._cloudevents else self._event(text if self._text else _json(text))
        except InvalidArgument as error:
            raise LineError(str(error)) from error

    def _event(self, data: Any) -> Event:
        from pubsubclient import Event  # noqa: PLC0415 - `--help` needs none of it

        return Event(self._topic, data, **self._members, attributes=self._attributes)

    def _whole_event(self, text: str) -> Event:
        """Return an event with id, source and all other members of the line."""
        from pubsubclient import ReceivedEvent  # noqa: PLC0415

        members = _json(text)
        if not isinstance(members, dict) or not isinstance(members.get("id"), str) or "type" not in members:
            raise LineError("expected a CloudEvent: an object with specversion, id and type.")
        return ReceivedEvent({**members, "topic": self._topic}, None)


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        shown = text if len(text) <= 40 else f"{text[:40]}…"
        raise LineError(f"not JSON: {shown!r} ({error}). For text as it stands: --text.") from error


def _attribute(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise click.UsageError(f"-a {text}: expected NAME=VALUE.")
    return name, value
