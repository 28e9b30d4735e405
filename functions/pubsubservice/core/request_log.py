"""One structured line a request: what was called, on what, how much, at which cost; and one a subscription now and then.

Never what events say.

Format: https://cloud.google.com/logging/docs/structured-logging (``severity`` and ``message`` are Cloud Logging's own).
"""

from __future__ import annotations

import json
import logging
import sys

from pubsubservice.core.meter import Meter

__all__ = ["log_request", "log_subscription", "log_to_stdout", "logs_subscriptions"]

_logger = logging.getLogger("pubsubservice.request")


def log_request(function: str, status: int, fields: dict[str, str | int], meter: Meter, duration_ms: float) -> None:
    """Write the line of a request."""
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
    """Whether the lines of `log_subscription` go anywhere: they cost reads."""
    return _logger.isEnabledFor(logging.INFO)


def log_subscription(
    subscriber: str, topic: str, backlog: int, oldest_age_s: float | None, *, dead: int, dropped: int
) -> None:
    """Write the line of a subscription: a consumer that is gone writes none itself.

    Args:
        backlog: events that are not read yet, before filters
        oldest_age_s: age of the oldest event that is unread, leased or due; None when there is none
        dead: events that failed for the last time, and are not known to be dead letters
        dropped: those that failed for the last time so far if it is a dead-letter topic
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
    """Send the service's lines to standard output, where the cloud collects them."""
    logger = logging.getLogger("pubsubservice")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
