"""What the outcome of a run means for its events, and what the log says of it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pubsubclient._worker.outcome import Outcome

if TYPE_CHECKING:
    from pubsubclient._worker.run import Run

__all__ = ["TIMEOUT", "log_outcome", "record"]

#: the outcome of a run whose handler took longer than its timeout
TIMEOUT = Outcome("retry", reason="timeout")
#: the deliveries before an event becomes a dead letter, unless a subscription says otherwise
_MAX_ATTEMPTS = 5

_log = logging.getLogger("pubsubclient.worker")


def record(run: Run, outcome: Outcome) -> None:
    """Record what becomes of a run's events; a later request tells the service. Events that the handler settled stay so."""
    outcomes = run.source.outcomes
    if outcome.kind == "ack":
        outcomes.ack(run.events)
    elif outcome.kind == "retry":
        together = run.handler.batch is not None
        outcomes.nack(run.events, outcome.delay_s, reason=outcome.reason, together=together)
    elif outcome.kind == "reject":
        outcomes.nack(run.events, reason=outcome.reason, dead=True)
    elif outcome.kind == "pause":
        outcomes.release(run.events, outcome.delay_s or 0)


def log_outcome(run: Run, outcome: Outcome) -> None:
    """Write the one line about a run that did not succeed; nothing about one that did."""
    error = outcome.error
    if outcome.kind == "pause":
        _log.warning(
            "Subscriber %s: paused for %g s by %s: %s",
            run.source.name,
            outcome.delay_s,
            run.handler.name,
            outcome.reason,
        )
    elif outcome.kind == "reject":
        _log.warning("%r: rejected: %s", run, outcome.reason)
    elif outcome.kind == "retry":
        attempt = max(event.attempt for event in run.events)
        if attempt >= (run.handler.max_attempts or _MAX_ATTEMPTS):
            _log.error("%r: failed at its last attempt, %d: %s", run, attempt, outcome.reason, exc_info=error)
        else:
            _log.warning("%r: attempt %d failed: %s", run, attempt, outcome.reason)
