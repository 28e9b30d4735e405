"""Deleting a name: what is sent, with which token, and what becomes of what the process holds."""

from __future__ import annotations

import logging

import pytest

from pubsubclient import Conflict, Forbidden, InvalidArgument, Publisher, Service, ServiceError, Subscriber, Unavailable
from unit.sdk.clocks import Moved
from unit.sdk.hands import take
from unit.sdk.scripted import BREAK_OFF, Reply, ScriptedService, problem

DELETED = Reply()


def _removals(server: ScriptedService) -> list[dict[str, object]]:
    """The bodies of the removals so far."""
    return [asked.body for asked in server.asked if asked.method == "DELETE"]


def test_a_name_is_deleted_with_a_token(server: ScriptedService, subscriber: Subscriber, publisher: Publisher) -> None:
    """The same in each try: its copies are told from what is newer."""
    server.script("register", BREAK_OFF, problem(503, "contended"), DELETED, DELETED, DELETED)
    subscriber.delete()
    first, second, third = _removals(server)
    assert first == second == third
    assert first.keys() == {"subscriber", "token"}
    subscriber.delete(force=True)
    publisher.delete()
    forced, of_publisher = _removals(server)[3:]
    assert forced["force"] is True
    assert forced["token"] != first["token"]
    assert of_publisher.keys() == {"publisher", "token"}


def test_what_a_deleted_subscriber_held_is_not_settled(
    server: ScriptedService, subscriber: Subscriber, caplog: pytest.LogCaptureFixture
) -> None:
    """There is nobody to settle it for."""
    take(server, subscriber, 1, 2)
    server.script("register", DELETED)
    subscriber.delete()
    before = len(server.asked)
    subscriber.close()
    assert len(server.asked) == before
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize(
    ("answer", "error", "tries"),
    [
        (problem(403, "not_owner"), Forbidden, 1),
        (problem(503, "dead_letters_left"), ServiceError, 1),
        (problem(400, "invalid_request"), ServiceError, 1),
    ],
)
def test_a_subscriber_that_was_not_deleted_holds_what_it_held(
    server: ScriptedService, subscriber: Subscriber, answer: Reply, error: type[Exception], tries: int
) -> None:
    """The error comes at once, and its events are settled as ever."""
    _, token = take(server, subscriber, 1)
    server.script("register", answer)
    with pytest.raises(error):
        subscriber.delete()
    assert len(_removals(server)) == tries
    subscriber.get_events()
    assert server.calls("get_events")[-1]["ack"] == [{"lease": token}]


def test_a_token_that_was_behind_is_made_anew(server: ScriptedService, subscriber: Subscriber) -> None:
    """A process that was idle for long estimates the store's time too low."""
    server.store_time_us += 100_000_000
    server.script("register", problem(409, "older_token"), DELETED)
    subscriber.delete()
    first, second = _removals(server)
    assert str(first["token"]) < str(second["token"])


def test_a_later_life_is_not_deleted_by_a_second_try(server: ScriptedService, subscriber: Subscriber) -> None:
    """The first one may have deleted the name, and somebody registered it since."""
    server.script("register", BREAK_OFF, problem(409, "older_token"))
    with pytest.raises(Conflict) as raised:
        subscriber.delete()
    assert raised.value.uncertain
    assert len(_removals(server)) == 2


def test_nobody_answers(server: ScriptedService) -> None:
    """Nobody knows whether the name is deleted."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    server.script("register", *[BREAK_OFF] * 100)
    with pytest.raises(Unavailable) as raised:
        subscriber.delete()
    assert raised.value.uncertain


def test_force_is_a_flag(server: ScriptedService, subscriber: Subscriber) -> None:
    """Anything else is refused before anything is sent."""
    with pytest.raises(InvalidArgument):
        subscriber.delete(force="yes")  # type: ignore[arg-type]
    assert _removals(server) == []
