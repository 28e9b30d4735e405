"""Whatever is given as an argument: it is taken, or refused by an error of this package, and nothing in hand is lost."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pubsubclient import InvalidArgument, Publisher, PubSubError, Service, Subscriber, Topic
from pubsubclient._events.received import ReceivedEvent
from unit.sdk.hands import settled, take
from unit.sdk.scripted import ScriptedService


class _Silent:
    """Whose repr fails."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr")


_TEXTS = st.text(st.characters(exclude_categories=()), max_size=10) | st.sampled_from(
    ["\udce9", "3", "1.5", "earliest", "a.b", "orders.*", ">", "x" * 3_000, "2026-01-31T12:00:00Z", "\x00", "no stock"]
)
_TIMES = st.sampled_from(
    [
        datetime.max.replace(tzinfo=timezone(-timedelta(hours=1))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=1))),
        datetime(2026, 1, 31),  # noqa: DTZ001 - without a time zone, as people make them
        date(2026, 1, 31),
        timedelta(seconds=2),
        timedelta.max,
        timedelta.min,
        timedelta(microseconds=1),
    ]
)
_THINGS = st.sampled_from(
    [None, True, False, b"3", bytearray(3), memoryview(b"abcdef")[::2], Decimal(3), Fraction(1, 3), Fraction(10**400), 1j,
     object, object(), ValueError("x"), print, range(3), {1, 2}]
)  # fmt: skip
_ENORMOUS = st.sampled_from([1, -1]).map(lambda sign: sign * 10**5_000)  # which has no repr
_SCALARS = (
    st.builds(_Silent)
    | _ENORMOUS
    | _TEXTS
    | _TIMES
    | _THINGS
    | st.integers()
    | st.floats()
    | st.sampled_from([0, 1, 5, 600, 1e308])
)
JUNK = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(
            st.sampled_from(["exact", "all", "any", "not", "type", "a"]) | _TEXTS | st.integers(), inner, max_size=2
        )
    ),
    max_leaves=6,
)

#: every parameter of what a subscriber, a topic and events offer
_CALLS: dict[str, Callable[[Subscriber, ReceivedEvent, Any], object]] = {
    "Subscriber(name)": lambda s, e, v: Subscriber(v, service=s._transport.service),
    "subscribe(topic)": lambda s, e, v: s.subscribe(v),
    "subscribe(start)": lambda s, e, v: s.subscribe("a", start=v),
    "subscribe(filters)": lambda s, e, v: s.subscribe("a", filters=v),
    "subscribe(one filter)": lambda s, e, v: s.subscribe("a", filters=[v]),
    "subscribe(ack_deadline)": lambda s, e, v: s.subscribe("a", ack_deadline=v),
    "subscribe(max_attempts)": lambda s, e, v: s.subscribe("a", max_attempts=v),
    "subscribe(backoff)": lambda s, e, v: s.subscribe("a", backoff=v),
    "subscribe(dead_letter_topic)": lambda s, e, v: s.subscribe("a", dead_letter_topic=v),
    "subscribe(ordered)": lambda s, e, v: s.subscribe("a", ordered=v),
    "unsubscribe": lambda s, e, v: s.unsubscribe(v),
    "seek(topic)": lambda s, e, v: s.seek(v, "earliest"),
    "seek(to)": lambda s, e, v: s.seek("a", v),
    "seek(a saved position)": lambda s, e, v: s.seek("a", {"a": v}),
    "explain(event)": lambda s, e, v: s.explain(v, "a"),
    "explain(topic)": lambda s, e, v: s.explain("id", v),
    "redrive(topic)": lambda s, e, v: _checked_alone(lambda: s.redrive(v, filters=[{"a": 1}])),
    "redrive(filters)": lambda s, e, v: s.redrive("a", filters=[v, {"a": 1}]),
    "get_events(max_events)": lambda s, e, v: s.get_events(v),
    "get_events(wait)": lambda s, e, v: s.get_events(wait=v),
    "pull(max_events)": lambda s, e, v: _entered(s.pull(v)),
    "pull(wait)": lambda s, e, v: _entered(s.pull(wait=v)),
    "events(max_events)": lambda s, e, v: s.events(max_events=v).close(),
    "events(wait)": lambda s, e, v: s.events(wait=v).close(),
    "nack(delay)": lambda s, e, v: e.nack(v),
    "nack(reason)": lambda s, e, v: e.nack(reason=v),
    "nack(dead)": lambda s, e, v: e.nack(dead=v),
    "extend": lambda s, e, v: e.extend(v),
    "Topic(name)": lambda s, e, v: Topic(v),
    "Topic(partitions)": lambda s, e, v: Topic("a", v, service=s._transport.service),
    "Topic(retention)": lambda s, e, v: Topic("a", retention=v, service=s._transport.service),
}


def _entered(pull: Any) -> None:
    with pull:
        pass


def _checked_alone(call: Callable[[], object]) -> None:
    """The arguments of a call that one of them keeps from being carried out."""
    with pytest.raises(InvalidArgument):
        call()


@pytest.mark.parametrize("name", _CALLS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=JUNK)
def test_junk_is_taken_or_refused_by_an_error_of_ours(
    name: str, server: ScriptedService, subscriber: Subscriber, value: Any
) -> None:
    """No TypeError, no OverflowError, no UnicodeEncodeError."""
    [event], _ = take(server, subscriber, 1)
    try:
        _CALLS[name](subscriber, event, value)
    except PubSubError as error:
        str(error).encode()


@pytest.fixture
def held(server: ScriptedService, subscriber: Subscriber) -> tuple[Any, str]:
    return take(server, subscriber, 1, 2)


@pytest.mark.parametrize(
    "refused",
    [
        lambda events: events[0].nack("no stock"),
        lambda events: events[0].nack(delay=-1),
        lambda events: events[0].nack(reason=17),
        lambda events: events[0].nack(dead="no"),
        lambda events: events[0].extend(0),
        lambda events: events.nack("no stock"),
        lambda events: events.extend_lease("60"),
    ],
)
def test_a_refused_settlement_settles_nothing(
    server: ScriptedService, subscriber: Subscriber, held: tuple[Any, str], refused: Callable[[Any], object]
) -> None:
    """The events are in hand as before."""
    events, token = held
    with pytest.raises(InvalidArgument):
        refused(events)
    subscriber.get_events()
    assert settled(server) == {"ack": [{"lease": token}]}


def test_a_reason_that_is_no_unicode_is_cleaned(server: ScriptedService, subscriber: Subscriber) -> None:
    """Names of files may be; the event is nacked all the same."""
    events, _ = take(server, subscriber, 1)
    assert events[0].nack(reason="cannot read caf\udce9.txt")
    assert settled(server)["nack"][0]["reason"] == "cannot read caf\ufffd.txt"


def test_seconds_may_be_a_timedelta_everywhere(server: ScriptedService, subscriber: Subscriber) -> None:
    """Where the wire has whole seconds, fractions are rounded up: nothing ends before it was asked to."""
    subscriber.subscribe("a", ack_deadline=timedelta(minutes=1), backoff=timedelta(milliseconds=1500))
    asked = server.calls("subscribe")[-1]
    assert (asked["ack_deadline_s"], asked["backoff_s"]) == (60, 1.5)
    events, _ = take(server, subscriber, 1, 2)
    events[0].nack(timedelta(minutes=1))
    assert settled(server)["nack"][0]["delay_s"] == 60
    events[1].extend(timedelta(seconds=1.2))
    assert settled(server)["extend"][0]["seconds"] == 2
    subscriber.get_events(wait=timedelta(seconds=0.5))
    assert 0 < server.calls("get_events")[-1]["wait_s"] <= 0.5
    Topic("a", retention=timedelta(days=1), service=subscriber._transport.service)
    assert server.calls("register")[-1]["retention_s"] == 86_400


def test_what_holds_connections_is_not_pickled(subscriber: Subscriber, service: Service) -> None:
    """And says what to do instead; a topic is no more than its name."""
    for refused in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(
            InvalidArgument, match=r"Subscriber\('billing'\) cannot be pickled or copied: .* Pass its name"
        ):
            refused(subscriber)
    topic = pickle.loads(pickle.dumps(Topic("a", 2, service=service)))
    assert topic == Topic("a")
    assert isinstance(Publisher("shop", service=service), Publisher)
