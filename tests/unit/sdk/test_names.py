"""Names, and topics by name."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from pubsubclient import (
    ConfigurationError,
    Conflict,
    Event,
    InvalidArgument,
    Publisher,
    Service,
    ServiceError,
    Subscriber,
    Topic,
)  # fmt: skip
from unit.sdk.scripted import Reply, ScriptedService, problem

NAMELESS = "http://127.0.0.1:9"


def publisher(name: str) -> Publisher:
    return Publisher(name, service=NAMELESS)


def subscriber(name: str) -> Subscriber:
    return Subscriber(name, service=NAMELESS)


@pytest.mark.parametrize("make", [Topic, publisher, subscriber, Event])
@pytest.mark.parametrize("name", ["", ".a", "-a", "a b", "a/b", "é", "a\n", "x" * 256, 7, None])
def test_what_cannot_be_a_name_is_refused_before_anything_is_sent(make: Callable[[Any], object], name: object) -> None:
    """Where it is written, not at the first request."""
    with pytest.raises(InvalidArgument, match="name"):
        make(name)


@pytest.mark.parametrize("name", ["a..b", "a."])
def test_a_topic_has_something_between_its_dots(name: str) -> None:
    """Because wildcards go by what is between them."""
    with pytest.raises(InvalidArgument, match="dots"):
        Topic(name)


def test_a_subscribers_name_leaves_room_for_its_dead_letter_topic() -> None:
    """Five characters."""
    with pytest.raises(InvalidArgument, match="1 to 250"):
        subscriber("x" * 251)


@pytest.mark.parametrize("name", ["A", "0", "a.b~c_d%20+-", "x" * 255])
def test_a_topic_is_its_name(name: str) -> None:
    """Equal, and equally hashed, when that is."""
    assert Topic(name) == Topic(name)
    assert Topic(name) != Topic("other")
    assert Topic(name) != name
    assert {Topic(name), Topic(name)} == {Topic(name)}
    assert (str(Topic(name)), repr(Topic(name))) == (name, f"Topic({name!r})")


def test_a_topic_by_name_alone_is_not_registered() -> None:
    """It needs no service."""
    assert Topic("A").name == "A"


def test_a_topic_with_partitions_or_retention_is_registered(server: ScriptedService, service: Service) -> None:
    """With what was given."""
    Topic("A", partitions=4, service=service)
    Topic("B", retention=timedelta(days=1), service=service)
    Topic("C", 2, 600, service=service)
    assert server.calls("register") == [
        {"topic": "A", "partitions": 4, "update": False},
        {"topic": "B", "retention_s": 86_400, "update": False},
        {"topic": "C", "partitions": 2, "retention_s": 600, "update": False},
    ]


def test_a_retention_is_changed_when_asked_to(server: ScriptedService, service: Service) -> None:
    """By the request that every version of the service knows."""
    Topic("A", retention=timedelta(seconds=600.5), update=True, service=service)
    assert server.calls("register") == [{"topic": "A", "retention_s": 601}]
    for arguments in ({"update": 1, "retention": 600}, {"update": True}, {"update": True, "partitions": 2}):
        with pytest.raises(InvalidArgument, match="update: expected"):
            Topic("A", service=service, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"partitions": 2}, {"retention_s": 600}])
def test_an_older_service_is_asked_what_a_topic_has(
    server: ScriptedService, service: Service, settings: dict[str, int]
) -> None:
    """Before it would change that."""
    has = {"topic": "A", "partitions": 1, "retention_s": 604_800}
    arguments = {"retention": settings.get("retention_s"), "partitions": settings.get("partitions")}
    server.script("register", problem(400, "unknown_field"), Reply(has))
    with pytest.raises(
        ConfigurationError, match=r"has (1 .*; got 2\..* changed\.|604800 .*; got 600\..*; pass update=True)"
    ):
        Topic("A", service=service, **arguments)  # type: ignore[arg-type]
    assert len(server.calls("register")) == 2
    for answer in (Reply({**has, **settings}), problem(404, "unknown_topic")):
        server.script("register", problem(400, "unknown_field"), answer)
        Topic("A", service=service, **arguments)  # type: ignore[arg-type]
        assert server.calls("register")[-1] == {"topic": "A", **settings}
    server.script("register", problem(400, "invalid_request"))
    with pytest.raises(ServiceError, match="invalid_request"):
        Topic("A", service=service, **arguments)  # type: ignore[arg-type]


def test_other_partitions_than_it_has_are_a_conflict(server: ScriptedService, service: Service) -> None:
    """They are fixed."""
    server.script("register", problem(409, "partitions_fixed"))
    with pytest.raises(Conflict) as raised:
        Topic("A", partitions=4, service=service)
    assert (raised.value.code, raised.value.status, raised.value.function) == ("partitions_fixed", 409, "register")
    assert isinstance(raised.value, ConfigurationError)
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


@pytest.mark.parametrize("arguments", [{"partitions": 0}, {"partitions": "4"}, {"retention": 0}])
def test_settings_out_of_range_are_refused(arguments: dict[str, Any]) -> None:
    """Before anything is sent."""
    with pytest.raises(InvalidArgument):
        Topic("A", **arguments)
