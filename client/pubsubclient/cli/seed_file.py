"""The file of `pubsub seed`: read, and checked as far as no service is needed. Needs msgspec, and PyYAML for YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
import msgspec.yaml

from pubsubclient import Event, InvalidArgument
from pubsubclient._core.extras import install_command
from pubsubclient._core.names import check_name
from pubsubclient._subscribe.arguments import settings_of
from pubsubclient.cli.failures import CommandError
from pubsubclient.cli.values import DURATION, POSITION

__all__ = ["Plan", "Seed", "read_plan", "schema"]

_Result = TypeVar("_Result")


class _Topic(msgspec.Struct, forbid_unknown_fields=True):
    partitions: int | None = None
    #: seconds, or text such as 1d
    retention: float | str | None = None


class _Subscription(msgspec.Struct, forbid_unknown_fields=True):
    topic: str
    start: str | list[str] | None = None
    filters: list[dict[str, Any]] | None = None
    ack_deadline: float | str | None = None
    max_attempts: int | None = None
    backoff: float | str | None = None
    dead_letter_topic: str | None = None
    ordered: bool | None = None


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    topic: str
    publisher: str = "seed"
    type: str = "event"
    subject: str | None = None
    attributes: dict[str, str | int | bool] | None = None
    data: Any = None
    #: instead of data: a file beside this one, with the data of an event as JSON in each line
    file: str | None = None


class Seed(msgspec.Struct, forbid_unknown_fields=True):
    """What a file says."""

    topics: dict[str, _Topic | None] = {}
    subscribers: dict[str, list[_Subscription]] = {}
    events: list[_Event] = []


class Plan(msgspec.Struct):
    """What to make: topics with their settings, subscriptions with theirs, and events by publisher."""

    #: the arguments of `Topic` after its name
    topics: dict[str, Mapping[str, Any]]
    #: the arguments of `Subscriber.subscribe`, topic included
    subscribers: dict[str, list[Mapping[str, Any]]]
    events: list[tuple[str, Event]]

    def counts(self) -> dict[str, int]:
        """Return how many there are of each."""
        subscriptions = sum(map(len, self.subscribers.values()))
        return {"topics": len(self.topics), "subscriptions": subscriptions, "events": len(self.events)}


def read_plan(path: Path) -> Plan:
    """Read a seed file. Raises CommandError, which names the place in the file."""
    seed = _decode(path)
    topics = {
        _checked(path, f"topics.{name}", check_name, "topic", name): _topic(path, name, topic or _Topic())
        for name, topic in seed.topics.items()
    }
    subscribers = {
        _checked(path, f"subscribers.{name}", check_name, "subscriber", name): [
            _checked(path, f"subscribers.{name}[{index}]", _subscription, each)
            for index, each in enumerate(subscriptions)
        ]
        for name, subscriptions in seed.subscribers.items()
    }
    events: list[tuple[str, Event]] = []
    for index, event in enumerate(seed.events):
        where = f"events[{index}]"
        publisher = _checked(path, where, check_name, "publisher", event.publisher)
        for data in _data(path, where, event):
            number = len(events)
            made = _checked(path, where, _event, event, data, number)
            events.append((publisher, made))
    return Plan(topics, subscribers, events)


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a seed file."""
    return msgspec.json.schema(Seed)


def _decode(path: Path) -> Seed:
    try:
        text = path.read_bytes()
        if path.suffix == ".json":
            return msgspec.json.decode(text, type=Seed)
        return msgspec.yaml.decode(text, type=Seed) if text.strip() else Seed()
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}.", code="config") from error
    except ImportError as error:
        missing = f"{path}: YAML needs PyYAML, or write the file as JSON: {install_command('emulator')}"
        raise CommandError(missing, code="config") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: {error}.", code="config") from error


def _topic(path: Path, name: str, topic: _Topic) -> Mapping[str, Any]:
    retention = _checked(path, f"topics.{name}.retention", _seconds, topic.retention)
    return {"partitions": topic.partitions, "retention": retention}


def _subscription(each: _Subscription) -> Mapping[str, Any]:
    settings = {
        "start": POSITION.convert(each.start, None, None),
        "filters": each.filters,
        "ack_deadline": _seconds(each.ack_deadline),
        "max_attempts": each.max_attempts,
        "backoff": _seconds(each.backoff),
        "dead_letter_topic": each.dead_letter_topic,
        "ordered": each.ordered,
    }
    settings_of(each.topic, **settings)
    return {"topic": each.topic, **settings}


def _event(event: _Event, data: Any, number: int) -> Event:
    made = Event(
        event.topic, data, type=event.type, subject=event.subject, id=f"seed-{number}", attributes=event.attributes
    )
    made.encode(f"/publishers/{event.publisher}")
    return made


def _data(path: Path, where: str, event: _Event) -> Sequence[Any]:
    if event.file is None:
        return [event.data]
    if event.data is not None:
        raise CommandError(f"{path}: {where}: data and file exclude each other.", code="config")
    file = path.parent / event.file
    data: list[Any] = []
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                if line.strip():
                    data.append(_checked(file, f"line {number}", json.loads, line))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: {where}: {file}: {error}.", code="config") from error
    return data


def _seconds(value: float | str | None) -> float | None:
    return None if value is None else DURATION.convert(value, None, None)


def _checked(path: Path, where: str, make: Callable[..., _Result], *arguments: Any) -> _Result:
    """Call `make`, and say in its error where in the file the reason is."""
    try:
        return make(*arguments)
    except click.UsageError as error:
        raise CommandError(f"{path}: {where}: {error.message}", code="config") from error
    except (InvalidArgument, ValueError) as error:
        raise CommandError(f"{path}: {where}: {error}", code="config") from error
