"""Ids of dead letters: ``{topic}/{partition}/{index}/{number of the death}/{create time of the subscriber's document, µs}``.

The create time tells the lives of a subscriber's name apart, because each counts its deaths from 1. A dead letter is looked
for from its death on, however long ago: without the create time, a letter of an earlier life would be taken for it.
"""

from __future__ import annotations

from pubsubservice.subscribers.records import Dead

__all__ = ["letter_id", "letter_place"]


def letter_id(dead: Dead) -> str:
    """Return the id of the dead letter of an event. A record of an older version has an id without the create time."""
    place = f"{dead.topic}/{dead.partition}/{dead.index}/{dead.death}"
    return f"{place}/{dead.life}" if dead.life else place


def letter_place(event_id: str, life: int) -> str | None:
    """Return the place, ``{topic}/{partition}/{index}``, of the event that a dead letter with this id is of.

    None if it is of another life of the subscriber's name. An id of an older version may be of any life.
    """
    parts = event_id.split("/")
    return "/".join(parts[:3]) if parts[4:] in ([], [str(life)]) else None
