"""What the service writes of each request, for people and for the cloud's log."""

from __future__ import annotations

import json

from e2e.serving import Serving
from e2e.wire import Wire, cloudevent

_SECRET = "4929-1234-5678-9012"  # stands for what nobody may find in a log


def test_every_request_is_one_line_without_payloads(serving: Serving) -> None:
    """What was called, on what, how much, at which cost."""
    wire = Wire(serving.url)
    wire.subscribe("billing", "orders")
    wire.publish("orders", cloudevent({"card": _SECRET}, subject=_SECRET, card=_SECRET))
    got = wire.events("billing", lease=wire.token())
    assert got["events"][0]["data"] == {"card": _SECRET}
    wire.events("billing", ack=[{"lease": got["lease"]}])
    assert wire.refused("publish", {"topic": "a..b", "publisher": "shop", "events": [cloudevent(_SECRET)]})[0] == 400
    assert wire.refused("get_events", {"subscriber": "nobody"}) == (404, "unknown_subscriber")
    wire.close()
    serving.close()
    text = serving.log.read_text()
    assert _SECRET not in text
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert [(line["function"], line["status"], line["severity"]) for line in lines] == [
        ("register", 201, "INFO"),
        ("subscribe", 200, "INFO"),
        ("publish", 200, "INFO"),
        ("get_events", 200, "INFO"),
        ("get_events", 200, "INFO"),
        ("publish", 400, "WARNING"),
        ("get_events", 404, "WARNING"),
    ]
    for line in lines:
        assert {type(line[cost]) for cost in ("reads", "writes", "deletes")} == {int}
        assert 0 < line["duration_ms"] < 60_000
    assert (lines[2]["topic"], lines[2]["publisher"]) == (wire.name("orders"), wire.name("shop"))
    assert [line.get("events") for line in lines] == [None, None, 1, 1, 0, None, None]
    assert (lines[3]["subscriber"], lines[3]["attempt"], lines[3]["writes"]) == (wire.name("billing"), 1, 1)
    assert [line.get("code") for line in lines[5:]] == ["invalid_name", "unknown_subscriber"]
