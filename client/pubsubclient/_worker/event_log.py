"""Which event a handler is at, for the log: in each thread, and in each task of the event loop."""

from __future__ import annotations

import logging
from contextvars import ContextVar

from pubsubclient._events.received import ReceivedEvent
from pubsubclient._worker.run import Run

__all__ = ["CommandLogFormatter", "EventLogFilter", "current_event", "current_run"]

#: the run that this thread or task is in
current_run: ContextVar[Run | None] = ContextVar("pubsubclient_run", default=None)


def current_event() -> ReceivedEvent | None:
    """Return the event that the calling handler is at, the first one of a batch; None outside of a worker's handler."""
    run = current_run.get()
    return run.events[0] if run is not None else None


class EventLogFilter(logging.Filter):
    """Adds to each record ``event_id``, ``topic``, ``attempt``, ``subscriber`` and ``handler``; ``-`` outside of a handler.

    It lets every record pass. Add it to a handler of the log, not to a logger: then it sees the records of all loggers.
    ``python -m pubsubclient.worker`` does so.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields. Always returns True."""
        run = current_run.get()
        event = run.events[0] if run is not None else None
        record.event_id = event.id if event is not None else "-"
        record.topic = event.topic if event is not None else "-"
        record.attempt = event.attempt if event is not None else "-"
        record.subscriber = run.source.name if run is not None else "-"
        record.handler = run.handler.name if run is not None else "-"
        return True


class CommandLogFormatter(logging.Formatter):
    """Formats a record as the command logs it: a record of a handler's begins with the event that the handler is at.

    Records of the worker itself do not: where they are about an event, they name it. Expects what `EventLogFilter` adds.
    """

    _PLAIN = "%(asctime)s %(levelname)s %(name)s %(message)s"
    _AT_EVENT = "%(asctime)s %(levelname)s %(name)s [%(subscriber)s %(topic)s %(event_id)s #%(attempt)s] %(message)s"

    def __init__(self) -> None:
        super().__init__(self._PLAIN)
        self._at_event = logging.Formatter(self._AT_EVENT)

    def format(self, record: logging.LogRecord) -> str:
        """Return the lines of a record."""
        if record.name == "pubsubclient.worker" or getattr(record, "event_id", "-") == "-":
            return super().format(record)
        return self._at_event.format(record)
