"""What an answer says of lost and held back events, and of the time that is left to wait for some."""

from __future__ import annotations

from typing import Any

import pytest

from pubsubclient import Service, ServiceError, Subscriber
from unit.sdk.clocks import Stood
from unit.sdk.scripted import Reply, ScriptedService, event, lease, problem


@pytest.mark.parametrize(
    "junk",
    [{"lost": value} for value in (7, "orders", [1], ["ab"], [["orders", 1]], {"orders": "1"}, {"orders": None},
     {"orders": True}, {"orders": -1}, {"orders": 1.5}, {"orders": [1]}, True, False, 0, "", [])]
    + [{"blocked": value} for value in (1, [], {}, True)],
)  # fmt: skip
def test_junk_is_a_typed_error_and_loses_nothing(server: ScriptedService, junk: dict[str, Any]) -> None:
    """The lease that came with it is given back, and the events come again."""
    subscriber = Subscriber("billing", service=Service(server.url))
    server.script("get_events", lease(event(1), **junk), Reply({"events": [], "more": False}))
    with pytest.raises(ServiceError) as raised:
        subscriber.get_events()
    assert raised.value.code == "bad_answer"
    assert subscriber.get_events() == []
    first, second = server.calls("get_events")[:2]
    assert first["lease"] in str(second["release"])
    assert "ack" not in second


def test_each_try_asks_for_the_wait_that_is_left(server: ScriptedService) -> None:
    """So a proxy that cuts idle requests does not make one wait many; after it one try asks for none."""
    clock = Stood()
    subscriber = Subscriber("billing", service=Service(server.url, clock=clock))

    def cut(body: Any) -> Reply:
        clock.sleep(min(0.5, body.get("wait_s", 0)))
        return problem(504, "gateway_timeout")

    server.script("get_events", *[cut] * 4, Reply({"events": [], "more": False}))
    started = clock.monotonic()
    assert subscriber.get_events(wait=1) == []
    assert clock.monotonic() - started < 5
    waits = [body.get("wait_s", 0) for body in server.calls("get_events")]
    assert waits[0] == 1
    assert waits[1] <= 0.5
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] == 0
