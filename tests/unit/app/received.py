"""Events as a subscriber receives them, and runs of handlers over them without a worker."""

from __future__ import annotations

import itertools
from typing import Any

from pubsubclient import App, ReceivedEvent
from pubsubclient._worker.handler import Handler
from pubsubclient._worker.outcome import Outcome

__all__ = ["handler", "received", "run"]

_numbers = itertools.count(1)


def received(data: Any = None, topic: str = "orders", **members: Any) -> ReceivedEvent:
    """An event that no lease holds."""
    number = next(_numbers)
    content = {} if data is None else {"data_base64": "Ynl0ZXM="} if isinstance(data, bytes) else {"data": data}
    return ReceivedEvent(
        {
            "specversion": "1.0", "id": f"id{number}", "source": "/publishers/shop", "type": "event", "attempt": 1,
            "time": "2026-01-31T12:00:00Z", "recordedtime": "2026-01-31T12:00:00Z", "topic": topic,
            "sequence": f"0000-{number:020d}", **content, **members,
        },
        None,
    )  # fmt: skip


def handler(app: App) -> Handler:
    """The app's only handler."""
    (consumer,) = app.consumers()
    (one,) = consumer.handlers
    return one


def run(app: App, *events: ReceivedEvent) -> Outcome:
    """Run the app's only handler over events; one without data if none is given."""
    return handler(app).run(events or [received()])
