"""The specifications' own examples: each sent over HTTP, and what a subscriber then gets."""

from __future__ import annotations

from contract.cases import Case, cases, fill, matches
from contract.test_service import check, send
from e2e.wire import Wire

_ADDED = ("topic", "sequence", "recordedtime", "attempt")


@cases("cloudevents")
def test_the_service_takes_cloudevents_as_the_specification_has_it(wire: Wire, case: Case) -> None:
    """Accepted ones are delivered with the same attributes and data; of refused ones nothing is."""
    assert wire.ask("register", {"publisher": wire.name("p")}).status_code == 201
    filled = fill(case, wire.unique, wire.store_time)
    check(send(wire, filled["request"]), filled["answer"])
    wire.subscribe("s", "t")
    got = wire.events("s")["events"]
    events = [{name: value for name, value in event.items() if name not in _ADDED} for event in got]
    assert matches(events, filled.get("delivered", [])), events
