"""Finds the events of a publish that a log holds already.

The writer of a log knows the identities of its newest batches (`log.tail`). A publish that is repeated long after its first
try has to be compared with older batches too. Those never change, so they are searched before the publish joins the queue of
its log: other publishes do not wait for the search, and of each batch only the hashes are read, and not kept.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from pubsubservice.core.problems import Conflict
from pubsubservice.events.entry import Entry
from pubsubservice.events.validate import identity_of, same_payload
from pubsubservice.log.batch import HEAD_FIELDS, Batch
from pubsubservice.log.batch_cache import BatchCache
from pubsubservice.storage.format import check_format
from pubsubservice.storage.paths import batch_id, batches, seq_of
from pubsubservice.storage.port import Doc, Store

__all__ = ["FoundPlaces", "check_same", "find_stored", "place_in_batch"]

#: log index and commit time (µs) of each event of a publish; None for one that was not found
FoundPlaces = list[tuple[int, int] | None]

#: batches per page: pages grow from the first size to the largest
_FIRST_PAGE, _LARGEST_PAGE = 10, 200
#: one identity hash
_HASHES = struct.Struct("8s")


def find_stored(
    store: Store,
    cache: BatchCache,
    log: tuple[str, int],
    publisher: str,
    entries: Sequence[Entry],
    since: int,
    *,
    window_us: int,
    max_batches: int,
) -> tuple[FoundPlaces, int]:
    """Find events in the batches that a log (topic, partition) created after `since`, a store time, µs.

    Args:
        window_us: batches of the last `window_us` are searched however many they are, as for any publish
        max_batches: how many older batches may be searched

    Returns:
        the places of the events, and the store time of the search: what was committed later is not searched

    Raises:
        Conflict: more batches are older (409 ``too_far``), or an event has another payload than the stored one (422)
    """
    topic, partition = log
    wanted: dict[bytes, list[int]] = {}
    for index, entry in enumerate(entries):
        wanted.setdefault(entry.hash, []).append(index)
    places: FoundPlaces = [None] * len(entries)
    page = store.list(batches(topic, partition), limit=_FIRST_PAGE, fields=HEAD_FIELDS)
    searched_at, limit, behind = page.time, _FIRST_PAGE, 0
    newer: Doc | None = None
    while page.docs and wanted:
        for doc in page.docs:
            if doc.created <= since or not _is_next(doc, newer):
                return places, searched_at
            behind += doc.created < searched_at - window_us
            if behind > max_batches:
                raise _too_far(topic, since, max_batches)
            newer = doc
            _find_in(doc, store, cache, publisher, entries, wanted, places)
        if len(page.docs) < limit:
            break
        limit = min(2 * limit, _LARGEST_PAGE, max_batches - behind + 1)
        page = store.list(
            batches(topic, partition), after=batch_id(seq_of(page.docs[-1].path)), limit=limit, fields=HEAD_FIELDS
        )
    return places, searched_at


def place_in_batch(
    store: Store, cache: BatchCache, path: str, created: int, offset: int, publisher: str, entry: Entry
) -> tuple[int, int] | None:
    """Return the log index and commit time (µs) of the event at an offset of the batch at `path`, if it is `entry`.

    None if it is another event, with the same hash, or if retention has deleted the batch created at `created`: its events
    are not recognised any more. Raises Conflict (422) for a payload that differs.
    """
    batch = cache.get(path)
    if batch is None or batch.created != created:
        doc = store.get_many([path]).docs[0]
        if doc is None or doc.created != created:
            return None
        batch = Batch(doc)
        cache.put(path, batch)
    line = batch.lines()[offset]
    if (batch.publisher_of(offset), *identity_of(line)) != (publisher, entry.source, entry.id):
        return None
    check_same(entry, line)
    return (batch.first + offset, created)


def check_same(entry: Entry, line: bytes) -> None:
    """Raise Conflict if an event has another payload than the stored event `line` of the same identity."""
    if not same_payload(entry.line, line):
        raise Conflict(
            "payload_differs",
            f"The event {entry.id!r} of {entry.source!r} was published before with another payload; nothing of this request "
            "was stored. Give each event an id of its own.",
            status=422,
            event=entry.id,
        )


def _is_next(doc: Doc, newer: Doc | None) -> bool:
    """Whether a batch is the one before `newer` in the log. If not, the log begins with `newer`, as in `log.tail`."""
    return newer is None or (seq_of(doc.path) == seq_of(newer.path) - 1 and doc.created < newer.created)


def _find_in(
    doc: Doc,
    store: Store,
    cache: BatchCache,
    publisher: str,
    entries: Sequence[Entry],
    wanted: dict[bytes, list[int]],
    places: FoundPlaces,
) -> None:
    """Set the places of the events that a batch holds, and take them out of `wanted`."""
    check_format(doc)
    hashes: list[bytes] = [found for (found,) in _HASHES.iter_unpack(doc.data["hashes"])]  # type: ignore[arg-type]
    if wanted.keys().isdisjoint(hashes):
        return
    for offset, identity_hash in enumerate(hashes):
        for index in wanted.pop(identity_hash, ()):
            place = place_in_batch(store, cache, doc.path, doc.created, offset, publisher, entries[index])
            if place is None:  # another event, with the same hash
                wanted.setdefault(identity_hash, []).append(index)
            places[index] = place


def _too_far(topic: str, since: int, max_batches: int) -> Conflict:
    return Conflict(
        "too_far",
        f"far: the topic {topic!r} has more than {max_batches} batches since {since} to look for the events in; nothing of "
        "this request was stored. Find out in another way whether the events are there, then publish without far.",
    )
