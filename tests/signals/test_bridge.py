"""Signals that cross processes, over a real service."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from pubsub_emulator.emulator import Emulator
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubclient import Event, InvalidArgument, Publisher, Receipt, Subscriber, dispatcher
from pubsubclient.bridge import Bridge, remote
from pubsubclient.signals import Signal


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An emulator of this module."""
    store = EphemeralStore()
    with Emulator(store) as emulator:
        yield emulator.url
    store.close()


@pytest.fixture
def subscribed(url: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., Subscriber]]:
    """Makes a subscriber of this test's own to some topics."""
    made: list[Subscriber] = []

    def make(*topics: str) -> Subscriber:
        subscriber = Subscriber(request.node.name.replace("[", "-").replace("]", ""), service=url)
        for topic in topics:
            subscriber.subscribe(topic, backoff=0)
        made.append(subscriber)
        return subscriber

    yield make
    for subscriber in made:
        subscriber.close()


def test_a_send_is_published_before_it_returns(url: str, subscribed: Callable[..., Subscriber]) -> None:
    """Its receipt is among the responses, and the arguments are the event's data."""
    subscriber = subscribed("lights")
    with Bridge(Publisher("hall", service=url)) as bridge:
        bridge.forward("lights")
        ((_, receipt),) = dispatcher.send("lights", sender=object(), room="hall", on=True)
        assert isinstance(receipt, Receipt)
        (event,) = subscriber.get_events()
        assert (event.id, event.data, event.source) == (receipt.id, {"room": "hall", "on": True}, "/publishers/hall")
    assert dispatcher.send("lights", room="hall") == []


def test_only_the_sender_that_was_named_is_forwarded(url: str, subscribed: Callable[..., Subscriber]) -> None:
    """As any connection is."""
    subscriber, mine = subscribed("doors"), object()
    with Bridge(Publisher("porch", service=url)) as bridge:
        bridge.forward("doors", sender=mine)
        dispatcher.send("doors", sender=object(), number=1)
        dispatcher.send("doors", sender=mine, number=2)
    assert [event.data for event in subscriber.get_events()] == [{"number": 2}]


def test_a_received_event_is_sent_with_its_publisher_as_sender(url: str, subscribed: Callable[..., Subscriber]) -> None:
    """The sender is one object a publisher, so that it can be connected to; other data than an object has a name."""
    subscriber, heard = subscribed("heat"), []

    def on_heat(sender: object, signal: object, **named: object) -> None:
        heard.append((sender, named))

    def on_kitchen(celsius: int) -> None:
        heard.append(celsius)

    kitchen, cellar = Publisher("kitchen", service=url), Publisher("cellar", service=url)
    kitchen.publish("heat", {"celsius": 21})
    cellar.publish("heat", [1, 2])
    cellar.publish("heat", {"sender": "somebody"})
    with dispatcher.connect(on_heat, "heat"), dispatcher.connect(on_kitchen, "heat", sender=remote("kitchen")):
        assert Bridge(subscriber=subscriber).listen(wait=0) == 3
    assert heard == [
        21,
        (remote("kitchen"), {"celsius": 21}),
        (remote("cellar"), {"data": [1, 2]}),
        (remote("cellar"), {"data": {"sender": "somebody"}}),
    ]
    assert subscriber.get_events() == []


def test_an_event_whose_receiver_fails_comes_again(
    url: str, subscribed: Callable[..., Subscriber], caplog: pytest.LogCaptureFixture
) -> None:
    """Until it does not fail; others are not held up."""
    subscriber, tried = subscribed("fragile"), []

    def on_fragile(n: int) -> None:
        tried.append(n)
        if tried.count(1) == 1 and n == 1:
            raise ValueError("not yet")

    publisher = Publisher("packer", service=url)
    for n in (1, 2):
        publisher.publish("fragile", {"n": n})
    with dispatcher.connect(on_fragile, "fragile"), caplog.at_level(logging.ERROR):
        assert Bridge(subscriber=subscriber).listen(wait=0.5) == 2
    assert sorted(tried) == [1, 1, 2]
    assert "not yet" in caplog.text
    assert subscriber.get_events() == []


def test_bridges_in_both_directions_make_no_echo(url: str, subscribed: Callable[..., Subscriber]) -> None:
    """What came over a bridge is not forwarded, and a bridge does not hear itself."""
    subscriber, heard = subscribed("ping"), []

    def on_ping(sender: object, n: int) -> None:
        heard.append((sender, n))

    here = object()
    with Bridge(Publisher("me", service=url), subscriber) as bridge, dispatcher.connect(on_ping, "ping"):
        bridge.forward("ping")
        dispatcher.send("ping", here, n=1)
        Publisher("you", service=url).publish("ping", {"n": 2})
        assert bridge.listen(wait=0) == 1
        assert bridge.listen(wait=0) == 0
    assert heard == [(here, 1), (remote("you"), 2)]


def test_signal_objects_go_by_their_names(url: str, subscribed: Callable[..., Subscriber]) -> None:
    """On both sides."""
    subscriber, heard = subscribed("paid"), []

    def on_paid(number: int) -> None:
        heard.append(number)

    paid: Signal[[int], None] = Signal(name="paid")
    with Bridge(Publisher("till", service=url)) as bridge:
        bridge.forward(paid)
        paid.send("till", number=7)  # type: ignore[call-arg]
    with paid.connect(on_paid):
        assert Bridge(subscriber=subscriber).listen(wait=0, signals=[paid]) == 1
    assert heard == [7]


class Unshown:
    """A signal that cannot be shown."""

    def __repr__(self) -> str:
        raise ValueError


def test_any_forwards_what_names_a_topic(
    url: str, subscribed: Callable[..., Subscriber], caplog: pytest.LogCaptureFixture
) -> None:
    """Each signal to its topic. One that names none is the business of others: it is left alone, with one warning."""
    subscriber = subscribed("this", "that")
    others = ["no topic", ("model", "saved"), 7, object(), Unshown(), "x" * 10_000, Signal(name="a b"), dispatcher.Any]
    with Bridge(Publisher("all", service=url)) as bridge, caplog.at_level(logging.WARNING, "pubsubclient"):
        bridge.forward(dispatcher.Any)
        dispatcher.send("this", n=1)
        for _ in range(3):
            for other in others:
                ((_, receipt),) = dispatcher.send(other, object(), object(), thing=object())
                assert receipt is None
        Signal(name="that").send(None, n=2)
        with pytest.raises(InvalidArgument, match="named arguments only"):
            dispatcher.send("this", object(), 1)
    assert [(event.topic, event.data["n"]) for event in subscriber.get_events()] == [("this", 1), ("that", 2)]
    warnings = [record.getMessage() for record in caplog.records]
    assert len(warnings) == len(others)
    assert warnings[0].startswith("Not forwarded: 'no topic' cannot name a topic")
    assert max(map(len, warnings)) < 1000


def test_what_is_remembered_of_signals_that_are_not_forwarded_is_bounded(
    url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A program may send a signal of its own for each of its objects."""
    with Bridge(Publisher("many", service=url)) as bridge, caplog.at_level(logging.WARNING, "pubsubclient"):
        bridge.forward(dispatcher.Any)
        for number in [*range(1500), *range(10)]:
            dispatcher.send(("saved", number))
        assert len(bridge._warned) <= 1001
    assert len(caplog.records) == 1001
    assert caplog.records[-1].getMessage() == "More than 1000 signals are not forwarded. Further ones are not logged"


def test_closing_the_subscriber_ends_listening(url: str, subscribed: Callable[..., Subscriber]) -> None:
    """From another thread, or from a receiver."""
    subscriber = subscribed("stop")
    Publisher("boss", service=url).publish("stop", {})
    with dispatcher.connect(subscriber.close, "stop", weak=False):
        listener = threading.Thread(target=Bridge(subscriber=subscriber).listen)
        listener.start()
        listener.join(25)
        assert not listener.is_alive()


@pytest.mark.parametrize(
    ("bridge", "use", "says"),
    [
        (Bridge(), partial(Bridge.forward, signal="x"), "without a publisher"),
        (Bridge(), Bridge.listen, "without a subscriber"),
    ],
)
def test_half_a_bridge_says_which_half_is_missing(bridge: Bridge, use: Callable[[Bridge], object], says: str) -> None:
    """A mistake is told where it is made."""
    with pytest.raises(InvalidArgument, match=says):
        use(bridge)


@pytest.mark.parametrize("signal", [7, ("a", "b"), "not a topic", ""])
def test_a_signal_that_names_no_topic_is_refused(url: str, signal: object) -> None:
    """At once, not at the first send."""
    with pytest.raises(InvalidArgument):
        Bridge(Publisher("any", service=url)).forward(signal)


def test_positional_arguments_and_what_is_no_json_are_refused(url: str) -> None:
    """Nothing is published of them."""
    with Bridge(Publisher("strict", service=url)) as bridge:
        bridge.forward("strict")
        with pytest.raises(InvalidArgument, match="named arguments only"):
            dispatcher.send("strict", object(), 1)
        with pytest.raises(InvalidArgument):
            dispatcher.send("strict", object(), thing=object())


def test_received_events_of_others_are_heard_too(url: str, subscribed: Callable[..., Subscriber]) -> None:
    """An event needs no bridge to be sent on; without data it has the one argument."""
    subscriber, heard = subscribed("plain"), []
    Publisher("plain", service=url).publish(Event("plain"))
    with dispatcher.connect(lambda **named: heard.append(named["data"]), "plain", weak=False):
        Bridge(subscriber=subscriber).listen(wait=0)
    assert heard == [None]
