"""An app in AsyncAPI: its topics as channels, their events as messages, and what it receives and sends as operations.

Source: https://www.asyncapi.com/docs/reference/specification/v3.1.0
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pubsubclient._app.consumers import by_subscriber, subscriptions_of
from pubsubclient._app.declaration import Declaration
from pubsubclient._app.schemas import Keys, Schemas
from pubsubclient._core.names import is_pattern
from pubsubclient._core.typed_data import Codec
from pubsubclient._events.topic import Topic, topic_name
from pubsubclient._http.service import Service
from pubsubclient._subscribe.arguments import settings_of

__all__ = ["document"]

#: the version of AsyncAPI
_VERSION = "3.1.0"
_JSON = "application/json"
_BYTES = "application/octet-stream"
#: what the service gives a subscription that does not say otherwise
_DEFAULT_DEAD_LETTERS = "{}.dead"

#: CloudEvents' context attributes, and those that the service adds to what it delivers
_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "minLength": 1},
    "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
    "type": {"type": "string", "minLength": 1},
    "subject": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "datacontenttype": {"type": "string"},
    "dataschema": {"type": "string", "format": "uri"},
    "topic": {"type": "string", "description": "added on delivery: the topic that holds the event"},
    "sequence": {"type": "string", "description": "added on delivery: the event's place in its topic"},
    "recordedtime": {"type": "string", "format": "date-time", "description": "added on delivery: when it was stored"},
    "attempt": {"type": "integer", "minimum": 1, "description": "added on delivery: the number of this delivery"},
}
_REQUIRED = ["specversion", "id", "source", "type"]


def document(
    name: str,
    handlers: Sequence[Declaration],
    publishes: Sequence[Topic[Any] | str],
    service: Service | None,
    info: Mapping[str, str],
) -> dict[str, Any]:
    """Return the AsyncAPI document of an app.

    Args:
        name: the app's name, under which it publishes, and receives where a handler does not say otherwise
        handlers: the handlers of the app and of what it includes
        publishes: the topics that it publishes to, beside its handlers' answers
        service: the service, if it is known
        info: title, version and the like

    Raises:
        ConfigurationError: a type of data has no JSON Schema
    """
    channels = _Channels({one.topic for one in handlers} | {topic_name(one) for one in _sent(handlers, publishes)})
    operations = [*_receiving(name, handlers, channels), *_sending(name, handlers, publishes, channels)]
    keys = Keys()
    head: dict[str, Any] = {"asyncapi": _VERSION, "info": dict(info), "defaultContentType": _JSON}
    if service is not None:
        head["servers"] = _servers(service)
    made = {
        **head,
        "channels": channels.made(),
        "operations": {keys.take(wanted): operation for wanted, operation in operations},
        "components": {"schemas": dict(sorted(channels.schemas.components.items()))},
    }
    return dict(json.loads(json.dumps(made)))  # the caller may change it: no part is there twice


class _Channels:
    """The channels of a document, one for each topic or pattern, with the messages that were found so far."""

    def __init__(self, topics: set[str]) -> None:
        self.schemas = Schemas()
        self._event = self.schemas.put("CloudEvent", _event_schema())
        keys = Keys()
        self._channels = {topic: _Channel(topic, keys) for topic in sorted(topics)}

    def reference(self, topic: str) -> dict[str, str]:
        """Return a reference to a topic's channel."""
        return {"$ref": f"#/channels/{self._channels[topic].key}"}

    def messages(self, topic: str, type_: str | None, codec: Codec | None, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the member of an operation that says which messages of the channel it is about.

        Without a type of event and of data these are all of the channel, which the member's absence says.

        Args:
            topic: the topic or pattern
            type_: the events' type, if only those of one type are meant
            codec: converts their data, if its type is known
            given: attributes that all of these events have
        """
        if type_ is None and codec is None:
            return {}
        payload = _ANYTHING if codec is None else self.schemas.add(codec)
        named = type_ or _name_of(payload)
        message: dict[str, Any] = {"name": named} if named else {}
        if (content := given.get("datacontenttype") or (_BYTES if _is_bytes(payload) else None)) is not None:
            message["contentType"] = content
        message["headers"] = self._headers({**given, "type": type_} if type_ else given)
        message["payload"] = payload
        channel = self._channels[topic]
        return {"messages": [{"$ref": f"#/channels/{channel.key}/messages/{channel.add(named, message)}"}]}

    def made(self) -> dict[str, Any]:
        """Return all channels. One of which nothing is known takes every event."""
        anything = {"headers": self._headers({}), "payload": _ANYTHING}
        for channel in self._channels.values():
            if not channel.messages:
                channel.add(None, anything)
        return {channel.key: channel.made() for channel in self._channels.values()}

    def _headers(self, given: Mapping[str, Any]) -> dict[str, Any]:
        if not given:
            return self._event
        fixed = {name: {"const": value} for name, value in given.items()}
        return {"type": "object", "allOf": [self._event], "properties": fixed, "required": sorted(fixed)}


class _Channel:
    """The channel of a topic, or of a pattern, whose tokens are parameters of its address."""

    def __init__(self, topic: str, keys: Keys) -> None:
        self.messages: dict[str, Any] = {}
        self._topic = topic
        self._parameters: dict[str, Any] = {}
        self._address = ".".join(self._token(token) for token in topic.split("."))
        self.key = keys.take(self._address.replace("{", "").replace("}", ""))
        self._keys = Keys()

    def add(self, name: str | None, message: dict[str, Any]) -> str:
        """Return the key of a message, which is added unless it is there."""
        for key, known in self.messages.items():
            if known == message:
                return key
        key = self._keys.take(name or "event")
        self.messages[key] = message
        return key

    def made(self) -> dict[str, Any]:
        made: dict[str, Any] = {"address": self._address, "messages": self.messages}
        if self._parameters:
            made["parameters"] = self._parameters
        if is_pattern(self._topic):
            made["description"] = f"Every topic that the pattern {self._topic} stands for."
            made["x-pubsubclient"] = {"pattern": self._topic}
        return made

    def _token(self, token: str) -> str:
        if token == "*":  # noqa: S105 - of a pattern
            name, what = f"token{len(self._parameters) + 1}", "One token of a topic's name, without dots."
        elif token == ">":  # noqa: S105
            name, what = "rest", "The rest of a topic's name: one or more tokens between dots."
        else:
            return token
        self._parameters[name] = {"description": what}
        return f"{{{name}}}"


_Operations = list[tuple[str, dict[str, Any]]]


def _receiving(app: str, handlers: Sequence[Declaration], channels: _Channels) -> _Operations:
    """Return an operation for each handler, in the order of declaration, with the name that its key should have."""
    operations: _Operations = []
    for subscriber, sharing in by_subscriber(handlers, app).items():
        subscriptions = {each.topic: each.settings for each in subscriptions_of(sharing)}
        for one in sharing:
            operation: dict[str, Any] = {
                "action": "receive",
                "channel": channels.reference(one.topic),
                **_described(one),
                **channels.messages(one.topic, one.type, one.topic_codec or one.parameters.codec, one.topic_attributes),
                "x-pubsubclient": {
                    "subscriber": subscriber,
                    "subscription": _subscription(subscriber, one.topic, subscriptions[one.topic]),
                    "handler": _handler(one),
                },
            }
            operations.append((one.name, operation))
    return operations


def _sending(
    app: str, handlers: Sequence[Declaration], publishes: Sequence[Topic[Any] | str], channels: _Channels
) -> _Operations:
    operations: _Operations = []
    for one in handlers:
        if one.publish_to is not None:
            operation = _send(one.publish_to, channels)
            operation["summary"] = f"Publishes what {one.name} returns."
            operation["x-pubsubclient"] = {"publisher": app}
            operations.append((f"{one.name}.answer", operation))
    for topic in publishes:
        operation = {**_send(topic, channels), "x-pubsubclient": {"publisher": app}}
        operations.append((f"publish.{topic_name(topic)}", operation))
    return operations


def _send(topic: Topic[Any] | str, channels: _Channels) -> dict[str, Any]:
    name = topic_name(topic)
    codec, given = (topic.codec, topic.attributes) if isinstance(topic, Topic) else (None, {})
    return {"action": "send", "channel": channels.reference(name), **channels.messages(name, None, codec, given)}


def _sent(handlers: Sequence[Declaration], publishes: Sequence[Topic[Any] | str]) -> list[Topic[Any] | str]:
    return [*(one.publish_to for one in handlers if one.publish_to is not None), *publishes]


def _subscription(subscriber: str, topic: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a subscription as the wire has them. Without filters it has none of that name."""
    given = {"start": None, "dead_letter_topic": _DEFAULT_DEAD_LETTERS.format(subscriber), "filters": None, **settings}
    return {name: value for name, value in settings_of(topic, **given).items() if value != []}


def _handler(one: Declaration) -> dict[str, Any]:
    options = {
        "function": one.name,
        "batch": one.batch,
        "lane": one.lane if isinstance(one.lane, str) else None,
        "timeout_s": one.timeout_s,
        "concurrency": one.concurrency,
    }
    return {name: value for name, value in options.items() if value is not None}


def _described(one: Declaration) -> dict[str, str]:
    """Return the first paragraph of a function's docstring as the summary, and the rest as the description."""
    text = inspect.getdoc(getattr(one.function, "func", one.function)) or ""
    first, _, rest = text.partition("\n\n")
    found = {"summary": " ".join(first.split()), "description": rest.strip()}
    return {name: value for name, value in found.items() if value}


def _event_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "description": "The context attributes of a CloudEvent, and attributes of the program's own.",
        "properties": _ATTRIBUTES,
        "additionalProperties": {"type": ["string", "boolean", "integer"]},
        "required": _REQUIRED,
    }


#: the data of events whose type is not declared
_ANYTHING: dict[str, Any] = {"description": "any JSON, or bytes"}


def _is_bytes(payload: Any) -> bool:
    return isinstance(payload, dict) and payload.get("contentEncoding") == "base64"


def _name_of(payload: Any) -> str | None:
    """Return the name of the type that a schema is of, if it has one."""
    if not isinstance(payload, dict):
        return None
    name = payload.get("title") or str(payload.get("$ref", "")).rpartition("/")[2]
    return str(name) or None


def _servers(service: Service) -> dict[str, Any]:
    """Return one server, or one for each function whose URL does not end in its name, as the others' do."""
    bases = {name: url.removesuffix(f"/{name}") for name, url in service.urls.items()}
    if len(set(bases.values())) == 1:
        return {"service": _server(bases["publish"], "The service.")}
    return {name: _server(url, f"The function {name}.") for name, url in service.urls.items()}


def _server(url: str, what: str) -> dict[str, str]:
    parts = urlsplit(url)
    made = {"host": parts.netloc, "protocol": parts.scheme}
    if parts.path.strip("/"):
        made["pathname"] = parts.path
    made["description"] = (
        f"{what} Events travel over HTTP as CloudEvents in JSON: a message's headers are the event's attributes, its payload "
        "is the event's data."
    )
    return made
