"""What closing, leaving a `with`, or being interrupted settles."""

from __future__ import annotations

from typing import Any

import pytest

from pubsubclient import Service, Subscriber, Unavailable
from unit.sdk.clocks import Moved
from unit.sdk.hands import in_thread, ref, settled, take
from unit.sdk.scripted import BREAK_OFF, Reply, ScriptedService, event, lease


def test_close_acknowledges_and_releases_what_other_threads_have(
    server: ScriptedService, subscriber: Subscriber
) -> None:
    """In one request, once."""
    _, mine = take(server, subscriber, 1)
    theirs = []
    in_thread(lambda: theirs.append(take(server, subscriber, 2)[1]))
    subscriber.close()
    assert server.calls("get_events")[-1] == {
        "subscriber": "billing",
        "max_events": 0,
        "release": [{"lease": theirs[0]}],
        "ack": [{"lease": mine}],
    }
    calls = len(server.asked)
    subscriber.close()
    assert len(server.asked) == calls


def test_a_clean_end_of_with_acknowledges(server: ScriptedService, subscriber: Subscriber) -> None:
    """As close does."""
    with subscriber as entered:
        assert entered is subscriber
        _, token = take(server, subscriber, 1)
    assert settled(server) == {"ack": [{"lease": token}]}


@pytest.mark.parametrize(
    ("error", "verb"),
    [
        (ValueError(), "nack"),
        (SystemExit(1), "nack"),
        (SystemExit("no"), "nack"),
        (SystemExit(0), "ack"),
        (SystemExit(), "ack"),
        (KeyboardInterrupt(), "release"),
        (GeneratorExit(), "release"),
    ],
    ids=repr,
)
def test_an_exception_out_of_with_settles_by_its_kind(
    server: ScriptedService, subscriber: Subscriber, error: BaseException, verb: str
) -> None:
    """And passes."""
    events, token = take(server, subscriber, 1, 2)
    events[0].ack()
    with pytest.raises(type(error)), subscriber:
        raise error
    assert settled(server) == {verb: [{"lease": token, "events": [ref(2)]}]}


def test_an_exception_out_of_with_is_not_hidden_by_a_service_that_is_gone(
    server: ScriptedService, caplog: pytest.LogCaptureFixture
) -> None:
    """Unsettled events come again in any case."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    take(server, subscriber, 1)
    server.script("get_events", Reply(status=400))
    with pytest.raises(ValueError, match="mine"), subscriber:
        raise ValueError("mine")
    assert "events could not be settled and will come again" in caplog.text


def test_a_clean_end_that_cannot_acknowledge_raises(server: ScriptedService) -> None:
    """The caller believes the events done."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    _, token = take(server, subscriber, 1)
    server.script("get_events", *[BREAK_OFF] * 100)
    with pytest.raises(Unavailable):
        subscriber.close()
    server.as_usual("get_events")
    subscriber.close()
    assert settled(server) == {"ack": [{"lease": token}]}


def test_what_a_thread_came_back_for_is_acknowledged_whatever_follows(server: ScriptedService) -> None:
    """It was done when the thread asked for more."""
    subscriber = Subscriber("billing", service=Service(server.url, deadline_s=10, clock=Moved()))
    _, token = take(server, subscriber, 1)
    server.script("get_events", *[BREAK_OFF] * 100)

    def fail() -> None:
        try:
            subscriber.get_events()
        finally:
            server.as_usual("get_events")

    with pytest.raises(Unavailable), subscriber:
        fail()
    broken_off = server.calls("get_events")[-2]["lease"]
    assert settled(server) == {"ack": [{"lease": token}], "release": [{"lease": broken_off}]}


def test_an_interrupted_fetch_is_released(server: ScriptedService, subscriber: Subscriber) -> None:
    """Nobody saw its events: they are not to be acknowledged by the call after it."""
    interrupted: list[str] = []
    server.script("get_events", lease(event(1), more=True))
    real_call = subscriber._transport.call

    def call(function: str, body: Any, **options: Any) -> Any:
        if len(server.calls("get_events")) == 1:
            interrupted.append(body(0)["lease"])
            raise KeyboardInterrupt
        return real_call(function, body, **options)

    subscriber._transport.call = call  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        subscriber.get_events()
    subscriber._transport.call = real_call  # type: ignore[method-assign]
    subscriber.get_events()
    first = server.calls("get_events")[0]["lease"]
    assert settled(server) == {"release": [{"lease": first}, {"lease": interrupted[0]}]}
