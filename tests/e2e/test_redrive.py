"""Dead letters on their way back: what they were, however large, after a kill, and beside one that cannot come back."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import pytest

from e2e.serving import Serving, environment
from e2e.wire import Wire, cloudevent
from pubsubclient import Event, Events, Publisher, PublishError, ReceivedEvent, ServiceError, Subscriber
from pubsubclient._http.transport import Transport

PROGRAM = Path(__file__).parent / "programs" / "redrive_killed.py"


@pytest.fixture
def name() -> str:
    """A word of this test's own."""
    return uuid4().hex[:8]


@pytest.fixture
def publisher(shared: Serving, name: str) -> Publisher:
    return Publisher(f"p-{name}", service=shared.url)


@pytest.fixture
def subscriber(shared: Serving, name: str) -> Subscriber:
    subscriber = Subscriber(f"s-{name}", service=shared.url)
    subscriber.subscribe(name, max_attempts=1, backoff=0)
    return subscriber


def fail(subscriber: Subscriber, events: Events, reason: str = "no stock") -> None:
    """Their dead letters are there when this returns."""
    assert events.nack(reason=reason, dead=True)
    while subscriber.state().dead:
        subscriber.get_events(max_events=0)


def fail_all(subscriber: Subscriber) -> list[ReceivedEvent]:
    """Everything that there is becomes dead letters."""
    failed: list[ReceivedEvent] = []
    while events := subscriber.get_events():
        failed += events
        fail(subscriber, events)
    return failed


def own(event: ReceivedEvent) -> dict[str, Any]:
    """The attributes of an event, but for what a redrive adds."""
    return {name: value for name, value in event.attributes.items() if name not in {"redriveof", "redrivefor"}}


ATTRIBUTES = {
    "reason": "damaged", "attempts": 3, "originalid": "o17", "originalsource": "/shop", "originaltopic": "elsewhere",
    "ownreason": "its own", "ownownattempts": True, "bridge": "b", "colour": "red",
}  # fmt: skip


def test_publishers_attributes_come_back_as_they_were(
    publisher: Publisher, subscriber: Subscriber, shared: Serving, name: str
) -> None:
    """However often; in a dead letter they are told from its own, by which filters choose."""
    publisher.publish(Event(name, 1, subject="x", attributes=ATTRIBUTES))
    undertaker = Subscriber(f"u-{name}", service=shared.url)
    undertaker.subscribe(f"s-{name}.dead", filters=[{"exact": {"reason": "no stock", "ownreason": "damaged"}}])
    for _ in range(3):
        (failed,) = fail_all(subscriber)
        (letter,) = undertaker.get_events()
        assert (letter.attributes["reason"], letter.attributes["attempts"]) == ("no stock", 1)
        hidden = {name: value for name, value in letter.attributes.items() if name.startswith("own")}
        assert hidden == {
            "ownreason": "damaged", "ownattempts": 3, "ownoriginalid": "o17", "ownoriginalsource": "/shop",
            "ownoriginaltopic": "elsewhere", "ownownreason": "its own", "ownownownattempts": True,
        }  # fmt: skip
        assert subscriber.redrive(name, filters=[{"exact": {"reason": "damaged"}}]) == 0
        assert subscriber.redrive(name, filters=[{"exact": {"reason": "no stock", "originaltopic": name}}]) == 1
        (back,) = subscriber.get_events()
        assert own(back) == ATTRIBUTES
        assert (back.source, back.subject, back.data) == (failed.source, "x", 1)
        assert (back.attributes["redriveof"], back.attributes["redrivefor"]) == (failed.id, f"s-{name}")
        assert back.release()


def test_what_a_publisher_calls_as_a_redrive_does_stays_beside_it(
    publisher: Publisher, subscriber: Subscriber, name: str
) -> None:
    """Those names are the redrive's then, so that it comes to the one subscriber."""
    publisher.publish(Event(name, 1, attributes={"redriveof": "mine", "redrivefor": f"s-{name}"}))
    for _ in range(3):
        (failed,) = fail_all(subscriber)
        assert subscriber.redrive(name) == 1
        (back,) = subscriber.get_events()
        assert back.attributes == {
            "ownredriveof": "mine", "ownredrivefor": f"s-{name}", "redriveof": failed.id, "redrivefor": f"s-{name}",
        }  # fmt: skip
        assert back.release()


@pytest.mark.parametrize("data", [None, {"n": [None]}, 0, "", "AAEC"])
def test_null_is_data_that_comes_back(wire: Wire, shared: Serving, data: Any) -> None:
    """As all data; an attribute that is null is unset."""
    wire.subscribe("s", "t", max_attempts=1)
    wire.publish(
        "t", {**cloudevent(), "data": data, "subject": None, "reason": None}, {**cloudevent(), "data_base64": "AAEC"}
    )
    subscriber = Subscriber(wire.name("s"), service=shared.url)
    fail_all(subscriber)
    assert subscriber.redrive(wire.name("t")) == 2
    first, second = subscriber.get_events()
    assert "data" in first.members
    assert first.data == data
    assert not {"subject", "reason", "ownreason"} & first.members.keys()
    assert (second.data, "data" in second.members) == (b"\0\1\2", False)


def filled(topic: str, kind: str, size: int, source: str) -> Event:
    """An event of exactly `size` bytes, or of bytes data the largest below."""

    def made(length: int) -> Event:
        if kind == "attributes":
            attributes = {
                **{f"a{number}": number for number in range(500)},
                "reason": '"' * 1000,
                "originalid": "x" * length,
            }
            return Event(topic, id="i", attributes=attributes, time="2026-01-31T12:00:00Z")
        data: Any = b"x" * (length // 4 * 3) if kind == "bytes" else "x" * length
        return Event(topic, data, id="i", time="2026-01-31T12:00:00Z")

    return made(size - len(made(0).encode(source)))


@pytest.mark.parametrize("kind", ["text", "bytes", "attributes"])
@pytest.mark.parametrize("size", [899_840, 900_000])
def test_the_largest_event_comes_back_again_and_again(
    publisher: Publisher, subscriber: Subscriber, name: str, kind: str, size: int
) -> None:
    """There is room for what a dead letter and a redrive add, however often; and nothing beside it is held up."""
    event = filled(name, kind, size, f"/publishers/p-{name}")
    assert size - 4 < len(event.encode(f"/publishers/p-{name}")) <= size
    publisher.publish(Event(name, "before"), event, Event(name, "after"))
    for _ in range(3):
        assert len(fail_all(subscriber)) == 3
        assert subscriber.redrive(name) == 3
    back = {event.data: event for event in subscriber.get_events() if event.data is not None}
    if event.data is None:
        subscriber.seek(name, "earliest")
        assert event.attributes in [own(found) for found in subscriber.get_events()]
    assert {"before", "after"} | ({event.data} - {None}) == back.keys()


def test_an_event_comes_back_in_the_bytes_that_were_sent(wire: Wire, shared: Serving) -> None:
    """Also one that would be larger than the service takes, if its numbers were written anew."""
    wire.subscribe("s", "t", max_attempts=1)
    head = '{"specversion":"1.0","id":"large","source":"/s","type":"t","data":[' + ",".join(["1e15"] * 90_000) + "]}"
    wire.ok("publish", f'{{"topic":"{wire.name("t")}","publisher":"{wire.name("p")}","events":[{head}]}}'.encode())
    subscriber = Subscriber(wire.name("s"), service=shared.url)
    assert len(fail_all(subscriber)) == 1
    assert subscriber.redrive(wire.name("t")) == 1
    assert [len(event.data) for event in subscriber.get_events()] == [90_000]


def test_a_dead_letter_that_cannot_come_back_stops_no_other(wire: Wire, shared: Serving) -> None:
    """It stays one, and is told of, each time. Of this one's event another one has the identity."""
    wire.subscribe("s", "t", max_attempts=1)
    wire.publish("t", cloudevent("before"), cloudevent("taken", id="taken", source="/s"), cloudevent("after"))
    subscriber = Subscriber(wire.name("s"), service=shared.url)
    assert len(fail_all(subscriber)) == 3
    letters = wire.get("get_events", topic=wire.name("s.dead"), start="earliest")["events"]
    letter = next(f"{each['source']}#{each['id']}" for each in letters if each["originalid"] == "taken")
    taken = cloudevent("other", id=str(uuid5(NAMESPACE_URL, letter)), source="/s")
    wire.publish("t", taken, publisher="s.redrive")
    assert [event.data for event in subscriber.get_events()] == ["other"]
    for back in (["before", "after"], []):
        with pytest.raises(PublishError, match="payload_differs") as caught:
            subscriber.redrive(wire.name("t"))
        assert [event.attributes["redriveof"] for event in caught.value.events] == ["taken"]
        assert [event.data for event in subscriber.get_events()] == back
    request = {"subscriber": wire.name("s"), "topic": wire.name("t"), "redrive": {}}
    refused = wire.ok("subscribe", request)
    [problem] = refused.pop("refused")
    assert refused == {"redriven": 0, "passed": 0, "more": False}
    assert (problem["topic"], problem["code"], problem["events"]) == (wire.name("t"), "payload_differs", 1)
    assert wire.get("register", subscriber=wire.name("s.redrive"))["leases"] == []


def test_a_service_that_knows_no_redrive_is_asked_for_its_parts(
    publisher: Publisher, subscriber: Subscriber, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older one refuses the field; then the client reads the dead letters and publishes them itself."""
    publisher.publish([Event(name, number) for number in range(3)])
    assert len(fail_all(subscriber)) == 3
    call, refused = Transport.call, []

    def older(transport: Transport, function: str, body: Any, **more: Any) -> Any:
        if isinstance(body, dict) and "redrive" in body:
            refused.append(function)
            raise ServiceError(function, 400, "unknown_field", "The field 'redrive' is not known.")
        return call(transport, function, body, **more)

    monkeypatch.setattr(Transport, "call", older)
    assert subscriber.redrive(name) == 3
    assert refused == ["subscribe"]
    assert [event.data for event in subscriber.get_events()] == [0, 1, 2]


@pytest.mark.parametrize(("at", "left"), [(1, 1_500), (1_200, 500)])
def test_what_a_killed_redrive_held_comes_back_with_the_next(
    publisher: Publisher, subscriber: Subscriber, shared: Serving, name: str, at: int, left: int
) -> None:
    """At once, and each once: also what it had published and not yet acknowledged."""
    publisher.publish([Event(name, number) for number in range(1_500)])
    assert len(fail_all(subscriber)) == 1_500
    command = [sys.executable, str(PROGRAM), f"s-{name}", name, str(at)]
    ended = subprocess.run(command, env=environment(PUBLISH_SUBSCRIBE_SERVICE=shared.url), timeout=240, check=False)
    assert ended.returncode == -9
    assert subscriber.redrive(name) >= left
    back = [event.data for event in subscriber.get_events(wait=1)]
    assert sorted(back) == [*range(1_500)]
    assert subscriber.redrive(name) == 0


def test_of_two_redrives_at_once_everything_comes_back_once(
    publisher: Publisher, subscriber: Subscriber, name: str
) -> None:
    """One takes over from the other, which cannot be told from one that was killed."""
    publisher.publish([Event(name, number) for number in range(1_500)])
    assert len(fail_all(subscriber)) == 1_500
    with ThreadPoolExecutor(3) as pool:
        moved = list(pool.map(lambda _: subscriber.redrive(name), range(3)))
    assert sum(moved) >= 1_500
    assert sorted(event.data for event in subscriber.get_events(wait=1)) == [*range(1_500)]


def test_a_letter_of_the_version_before_comes_back(wire: Wire, shared: Serving) -> None:
    """It has nothing of the event's own under the names that it has itself."""
    wire.subscribe("s", "t", max_attempts=1)
    more = {
        "source": f"/subscribers/{wire.name('s')}", "originalid": "e1", "originalsource": "/publishers/shop",
        "originaltopic": wire.name("t"), "reason": "no stock", "attempts": 5, "colour": "red", "subject": "x",
    }  # fmt: skip
    wire.publish("s.dead", {**cloudevent({"n": 1}, id=f"{wire.name('t')}/0/0/1"), **more})
    subscriber = Subscriber(wire.name("s"), service=shared.url)
    assert subscriber.redrive(wire.name("t")) == 1
    (back,) = subscriber.get_events()
    assert (back.source, back.subject, back.data, own(back)) == ("/publishers/shop", "x", {"n": 1}, {"colour": "red"})
    assert back.attributes["redriveof"] == "e1"


def test_a_name_with_dots_has_its_dead_letters_redriven(shared: Serving, publisher: Publisher, name: str) -> None:
    """Its dead-letter topic has fewer of them; and nothing is subscribed to any more."""
    subscriber = Subscriber(f"s..{name}.", service=shared.url)
    subscriber.subscribe(name)
    publisher.publish(name, 1)
    fail(subscriber, subscriber.get_events())
    subscriber.unsubscribe(name)
    assert subscriber.redrive(name) == 1
