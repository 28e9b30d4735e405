"""A wait with ``wake`` ends when there is something, and leases nothing: only a request of a living caller makes a lease."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from concurrent import futures
from typing import Any

import pytest

from e2e.wire import Wire, cloudevent

pytestmark = pytest.mark.http

#: a client that waits, and will be killed while it does; it says when its request is on its way
_WAITING = """
import json, socket, sys
host, port, body = sys.argv[1], int(sys.argv[2]), sys.argv[3].encode()
connection = socket.create_connection((host, port))
connection.sendall(b"POST /get_events HTTP/1.1\\r\\nHost: %b:%d\\r\\nContent-Type: application/json\\r\\n"
                   b"Content-Length: %d\\r\\n\\r\\n%b" % (host.encode(), port, len(body), body))
print("asked", flush=True)
connection.recv(65536)
"""


def _data(answer: dict[str, Any]) -> list[tuple[Any, int]]:
    return [(event["data"], event["attempt"]) for event in answer["events"]]


def _later(wire: Wire, call: Any) -> futures.Future[Any]:
    """Send a request that is to wait, and see that it does."""
    pool = futures.ThreadPoolExecutor(1)
    poll = pool.submit(call)
    pool.shutdown(wait=False)
    with pytest.raises(futures.TimeoutError):
        poll.result(0.5)
    return poll


def test_what_is_there_is_leased_at_once(wire: Wire) -> None:
    """As without it."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders")
    answer = wire.events("billing", wait_s=20, wake=True, lease=(lease := wire.token()))
    assert (_data(answer), answer["lease"]) == ([(1, 1)], lease)


def test_what_comes_ends_the_wait_and_is_for_the_next_request(wire: Wire) -> None:
    """No lease, `more`; nothing is unsettled."""
    wire.subscribe("billing", "orders")
    waiting = Wire(wire.url)
    waiting.unique = wire.unique
    poll = _later(wire, lambda: waiting.events("billing", wait_s=20, wake=True, lease=wire.token()))
    wire.publish("orders", cloudevent(1))
    answer = poll.result(60)
    assert (answer["events"], answer["lease"], answer["more"]) == ([], None, True)
    state = wire.get("register", subscriber=wire.name("billing"))
    assert (state["unsettled"], state["leases"]) == (0, [])
    assert _data(wire.events("billing")) == [(1, 1)]
    waiting.close()


def test_what_becomes_due_ends_the_wait_too(wire: Wire) -> None:
    """A nacked event, after its delay."""
    wire.publish("orders", cloudevent(1))
    wire.subscribe("billing", "orders")
    wire.events("billing", lease=(lease := wire.token()))
    wire.events("billing", max_events=0, nack=[{"lease": lease, "delay_s": 1}])
    answer = wire.events("billing", wait_s=20, wake=True)
    assert (answer["events"], answer["more"]) == ([], True)
    assert _data(wire.events("billing")) == [(1, 2)]


def test_what_filters_refuse_does_not_end_the_wait(wire: Wire) -> None:
    """The position moves past it meanwhile. However long the publishing takes, the wait outlasts it."""
    wire.subscribe("billing", "orders", filters=[{"exact": {"type": "wanted"}}])
    waiting = Wire(wire.url)
    waiting.unique = wire.unique
    begun = time.monotonic()
    poll = _later(wire, lambda: waiting.events("billing", wait_s=20, wake=True))
    for number in range(20):
        wire.publish("orders", cloudevent(number))
    assert not poll.done() or time.monotonic() - begun >= 20
    wire.publish("orders", cloudevent(20, type="wanted"))
    assert poll.result(30)["events"] == []
    assert _data(wire.events("billing")) == [(20, 1)]
    assert wire.get("register", subscriber=wire.name("billing"))["backlog"] == 0
    waiting.close()


@pytest.mark.parametrize("max_attempts", [1, 5])
def test_a_killed_client_that_waited_takes_nothing_with_it(wire: Wire, max_attempts: int) -> None:
    """The living one has what is published afterwards, as its first attempt, although the dead one asked before."""
    wire.subscribe("billing", "orders", max_attempts=max_attempts)
    host, port = wire.url.removeprefix("http://").split(":")
    body = json.dumps({"subscriber": wire.name("billing"), "wait_s": 20, "wake": True, "lease": "1-dead"})
    dead = subprocess.Popen([sys.executable, "-c", _WAITING, host, port, body], stdout=subprocess.PIPE, text=True)
    assert dead.stdout is not None
    assert dead.stdout.readline() == "asked\n"
    living = Wire(wire.url)
    living.unique = wire.unique
    got: list[tuple[float, Any]] = []

    def consume() -> None:
        while not got:
            answer = living.events("billing", wait_s=10, wake=True, lease=living.token())
            if answer["events"]:
                got.append((time.monotonic(), _data(answer)))

    consumer = threading.Thread(target=consume)
    consumer.start()
    dead.kill()
    dead.communicate()
    wire.publish("orders", cloudevent("work"))
    consumer.join(60)
    assert got[0][1] == [("work", 1)]
    living.close()
