"""Ids of dead letters: ``{topic}/{partition}/{index}/{number of the death}/{create time of the subscriber's document, µs}``.

The create time tells the lives of a subscriber's name apart, because each counts its deaths from 1. A dead letter is looked
for from its death on, however long ago: without the create time, a letter of an earlier life would be taken for it.
"""

from __future__ import annotations

from pubsubservice.subscribers.records import Dead

__all__ = ["is_letter_of", "letter_id"]


def letter_id(dead: Dead) -> str:
    """Return the id of the dead letter of an event. A record of an older version has an id without the create time."""
    place = f"{dead.topic}/{dead.partition}/{dead.index}/{dead.death}"
    return f"{place}/{dead.life}" if dead.life else place


def is_letter_of(event_id: str, place: tuple[str, int, int], life: int) -> bool:
    """Whether an id is of a dead letter of the event at a place (topic, partition, log index), in this life of the name.

    An id of an older version may be of any life.
    """
    parts = event_id.split("/")
    return parts[:3] == [*map(str, place)] and parts[4:] in ([], [str(life)])
