"""In which mix a rule's absence shows soonest; any mix would do, with more seeds."""

from __future__ import annotations

from .broken_removals import REMOVAL_RULES
from .mix import SMALL, Mix

__all__ = ["MIXES"]

#: by the rule's name; the others show soon in the mixes that seeds have of themselves
MIXES: dict[str, Mix] = {
    "release keeps that mark": Mix(gentle=True, poison=0.1, max_attempts=2, backoff_s=0.0),
    "a dead letter is looked for from its death": Mix(poison=0.3, max_attempts=1, backoff_s=0.0, expire_s=900),
    "a filter judges once": Mix(filters=True, change_s=6, backoff_s=0.0, max_attempts=4),
    "no room in dead: wait in due": Mix(poison=0.2, max_attempts=2, bounds=SMALL),
    "what a retry cannot answer is lost": Mix(expire_s=2),
    "a given-back event stays marked": Mix(ordered=True, backoff_s=0.0),
    "the registry bounds what goes out": Mix(patterns=True, expire_s=100, change_s=100, pace=6),
    "dropped events are counted": Mix(poison=0.3, max_attempts=1, backoff_s=0.0, redrive=True),
    "trim point first": Mix(expire_s=4),
    "far looks back however long": Mix(relays=True, retention_s=60),
    "far looks back from its search on": Mix(relays=True, retention_s=60),
    **dict.fromkeys(REMOVAL_RULES, Mix(removes=True, poison=0.1, max_attempts=2, backoff_s=0.0)),
    "deaths of a later life stay": Mix(
        removes=True, poison=0.5, max_attempts=1, backoff_s=0.0, expire_s=900, change_s=300, stalls=0.1
    ),
    "a delay is at most half of the retention": Mix(delayed=0.3),
    "a lower retention takes nothing delayed": Mix(delayed=0.5, retention_s=30, lowers=True, expire_s=4),
    "memory refuses nothing": Mix(set_back=0.05, pace=4),
    "a peek looks for what was trimmed": Mix(peeks=True, expire_s=4),
    "a peek goes on where it stopped": Mix(peeks=True, gentle=True),
    "topics not met yet count": Mix(gone=True, expire_s=5),
    "ordered: its logs stop together": Mix(gentle=True, ordered=True, delayed=0.3, bounds=SMALL, retention_s=60),
    "a log that stops bounds no other": Mix(gentle=True, delayed=0.3, bounds=SMALL, retention_s=60),
}
