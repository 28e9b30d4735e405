"""Writes structured log lines: one per request (function, names, counts, cost), and one per subscription in maintenance.

Lines never hold the content of events.

Format: https://cloud.google.com/logging/docs/structured-logging (Cloud Logging defines ``severity`` and ``message``).
"""

from __future__ import annotations

import json
import logging
import sys

from pubsubservice.core.meter import Meter

__all__ = ["log_request", "log_subscription", "log_to_stdout", "logs_subscriptions"]

_logger = logging.getLogger("pubsubservice.request")


def log_request(function: str, status: int, fields: dict[str, str | int], meter: Meter, duration_ms: float) -> None:
    """Write the line of a request: INFO, WARNING for a status from 400, ERROR from 500.

    Args:
        function: name of the entry point
        fields: further members of the line (names and counts)
        meter: billed store operations of the request
    """
    level = logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.INFO
    if not _logger.isEnabledFor(level):
        return
    line = {
        "severity": logging.getLevelName(level),
        "message": f"{function} {status}",
        "function": function,
        "status": status,
        **fields,
        "reads": meter.reads,
        "writes": meter.writes,
        "deletes": meter.deletes,
        "duration_ms": round(duration_ms, 3),
    }
    _logger.log(level, "%s", json.dumps(line, ensure_ascii=False))


def logs_subscriptions() -> bool:
    """Whether `log_subscription` writes anything. Ask first: collecting its figures costs store reads."""
    return _logger.isEnabledFor(logging.INFO)


def log_subscription(
    subscriber: str, topic: str, backlog: int, oldest_age_s: float | None, *, dead: int, dropped: int
) -> None:
    """Write the line of a subscription, so that monitoring notices one whose consumer is gone.

    Args:
        backlog: events not read yet, counted before filters
        oldest_age_s: age of the oldest event that is unread, leased or due for redelivery; None if every event is settled
        dead: events that used up their attempts and are not yet known to be published as dead letters
        dropped: events of a dead-letter topic that used up their attempts, in total; 0 for other topics
    """
    line = {
        "severity": "INFO",
        "message": f"subscription of {subscriber} to {topic}",
        "log": "subscription",
        "subscriber": subscriber,
        "topic": topic,
        "backlog": backlog,
        "oldest_age_s": oldest_age_s,
        "dead": dead,
        "dropped": dropped,
    }
    _logger.info("%s", json.dumps(line, ensure_ascii=False))


def log_to_stdout() -> None:
    """Write the service's log lines to standard output, where Cloud Logging collects them."""
    logger = logging.getLogger("pubsubservice")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
