"""One step of a redrive: leases dead letters, publishes their events, and acknowledges those that are stored.

A subscriber of its own, `S.redrive`, reads the dead letters of S. What a step passes over stays leased, so that the next step
finds others; the last step releases it. The id of an event is made of its dead letter's, so a step may be repeated, and two
redrives at once store nothing twice within the deduplication window.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from pubsubservice.admin.subscriptions import Subscribe, Subscriptions
from pubsubservice.core.names import dead_letters_of, redriver_of
from pubsubservice.core.ownership import check_owner
from pubsubservice.core.patterns import is_pattern, matches
from pubsubservice.core.problems import BadRequest, Conflict, Forbidden, Problem, Unavailable
from pubsubservice.core.runtime import Runtime
from pubsubservice.delivery.get_events import Delivery
from pubsubservice.delivery.letters import original_topic, redriven_event
from pubsubservice.delivery.request import GetEvents
from pubsubservice.delivery.slices import Slice
from pubsubservice.events.entry import Entry
from pubsubservice.log.sequence import sequence_prefix
from pubsubservice.redrive.step import Step
from pubsubservice.storage.optimistic import attempts
from pubsubservice.storage.paths import subscriber_path
from pubsubservice.storage.port import Store
from pubsubservice.subscribers.filters import Filter, compile_filters
from pubsubservice.subscribers.leases import Settlement, Settlements
from pubsubservice.subscribers.records import Subscription
from pubsubservice.subscribers.state import State, unknown_subscriber
from pubsubservice.subscribers.tokens import AHEAD_US, check_not_ahead, make_token, token_time

__all__ = ["MAX_REDRIVEN", "Redrive", "Redriving"]

#: dead letters of one call
MAX_REDRIVEN = 1_000
#: bytes of the events of one publish, before compression; a single event may have more
_PUBLISH_BYTES = 700_000
#: settings of the subscription that reads dead letters. Each killed redrive takes an attempt of them, so they have many
_SETTINGS = {"ack_deadline_s": 60, "max_attempts": 100, "backoff_s": 0.0}

#: publish(topic, publisher, entries, since)
Publish = Callable[[str, str, list[Entry], int], object]


class Redrive(NamedTuple):
    """A checked request to redrive."""

    subscriber: str
    #: redrive dead letters of events of this topic, or of topics that this pattern matches
    topic: str
    #: in their stored form: redrive only dead letters that pass; empty for all
    filters: bytes = b""
    #: dead letters to look at in this call
    max_events: int = MAX_REDRIVEN
    #: of the response to the step before; None for the first step
    token: str | None = None


class _Letter(NamedTuple):
    """A dead letter as it was read."""

    dead_letter_topic: str
    sequence: str
    #: its commit time, µs
    recorded: int
    line: bytes
    #: the topic of the event that failed; empty if it is no dead letter of the subscriber
    topic: str


class Redriving:
    """Serves redrives in one process."""

    def __init__(
        self, store: Store, runtime: Runtime, subscriptions: Subscriptions, delivery: Delivery, publish: Publish
    ) -> None:
        self._store = store
        self._runtime = runtime
        self._subscriptions = subscriptions
        self._delivery = delivery
        self._publish = publish

    def redrive(self, request: Redrive) -> dict[str, Any]:
        """Make one step. Raises NotFound, Forbidden, BadRequest, Unavailable, StoreError; the step may then be repeated.

        Returns the response: how many dead letters were `redriven` and `passed` over; whether there are `more`, for which the
        next step is to be called with `token`; and `refused`, what the log did not take.
        """
        state, now = self._read(request.subscriber)
        if state is None:
            raise unknown_subscriber(request.subscriber)
        token = request.token or make_token(now, self._runtime.random())
        check_not_ahead(token, now)
        step, redriver = Step.of(token), redriver_of(request.subscriber)
        open_leases, now = self._follow(redriver, request.subscriber, _sources(state, request.topic))
        held = [lease for lease in open_leases if step.is_earlier(lease)]
        settlements = Settlements(
            release=[Settlement(lease) for lease in open_leases if lease not in held],
            extend=[Settlement(lease) for lease in held],
        )
        work = _Work(request, redriver, self._publish)
        left, more = request.max_events, True
        while left and more:
            lease = step.new_lease(now, self._runtime.random())
            response = self._delivery.get_events(GetEvents(redriver, settlements, lease, max_events=left))
            letters = [letter for slice_ in response.slices for letter in _letters(slice_, request.subscriber)]
            more = response.more and bool(letters)
            left -= len(letters)
            held += [lease] if letters else []
            try:
                work.publish([letter for letter in letters if letter.recorded <= step.until])
            except BaseException:
                # a repeated step is not to publish again what is stored, nor to wait for these leases
                self._settle(redriver, work.acks(lease), [])
                raise
            settlements = Settlements(ack=work.acks(lease))
        self._settle(redriver, settlements.ack, [] if more else held)
        return work.response(step, more=more)

    def _settle(self, redriver: str, acks: Sequence[Settlement], released: Iterable[str]) -> None:
        settlements = Settlements(ack=acks, release=[Settlement(lease) for lease in released])
        if settlements.ack or settlements.release:
            self._delivery.get_events(GetEvents(redriver, settlements, max_events=0))

    def _follow(self, redriver: str, subscriber: str, sources: Sequence[str]) -> tuple[list[str], int]:
        """Subscribe `S.redrive` to dead-letter topics unless that is done.

        Returns its open leases, and a store time from which new ones are made, µs. Raises Forbidden, Unavailable, StoreError.
        """
        wanted = compile_filters([{"exact": {"source": f"/subscribers/{subscriber}"}}])
        filters = wanted.packed if wanted else b""
        for _ in attempts(self._runtime):
            state, now = self._read(redriver)
            if state is None:
                self._subscriptions.register(redriver)
                continue  # a lease token from before the registration makes no lease
            missing = [source for source in sources if not _is_set(state.subscriptions.get(source), filters)]
            if not missing:
                return [*state.leases], now
            # later than the last change, whose token may be a little ahead of the store's time
            newest = max(now, token_time(state.changed) if state.changed else 0)
            try:
                for number, source in enumerate(missing, 1):
                    token = make_token(min(newest, now + AHEAD_US) + number, self._runtime.random())
                    request = Subscribe(redriver, source, filters=filters, settings=_SETTINGS, token=token)
                    self._subscriptions.subscribe(request)
            except Conflict as conflict:
                if conflict.code != "older_token":  # another redrive did the same just now
                    raise
        raise Unavailable("contended", f"{redriver!r} was changed by too many at once; send the same request again.")

    def _read(self, subscriber: str) -> tuple[State | None, int]:
        """Return a subscriber's state, None if there is none, and the store time of the read, µs. Raises Forbidden."""
        reads = self._store.get_many([subscriber_path(subscriber)])
        doc = reads.docs[0]
        if doc is None:
            return None, reads.time
        check_owner("subscriber", subscriber, doc.data.get("owner"))
        return State.read(doc), reads.time


class _Work:
    """What one call publishes, passes over, and cannot publish."""

    def __init__(self, request: Redrive, redriver: str, publish: Publish) -> None:
        self._request = request
        self._redriver = redriver
        self._publish = publish
        self._filter = Filter.load(request.filters) if request.filters else None
        #: published, but not yet acknowledged
        self._stored: list[_Letter] = []
        self._redriven = 0
        self._passed = 0
        #: how many events the log refused, by topic, code and detail
        self._refused: Counter[tuple[str, str, str]] = Counter()

    def publish(self, letters: Sequence[_Letter]) -> None:
        """Publish the events of the letters that were asked for. Raises Unavailable, StoreError: some may not be published."""
        wanted = [letter for letter in letters if self._is_wanted(letter)]
        self._passed += len(letters) - len(wanted)
        for topic, of_topic in groupby(
            sorted(wanted, key=lambda letter: letter.topic), key=lambda letter: letter.topic
        ):
            for chunk in _chunks([*of_topic]):
                self._store(topic, chunk)

    def acks(self, lease: str) -> list[Settlement]:
        """Return the acknowledgement of what was published since the last call, all of it from one lease."""
        stored, self._stored = self._stored, []
        named = [(letter.dead_letter_topic, letter.sequence) for letter in stored]
        return [Settlement(lease, named)] if named else []

    def response(self, step: Step, *, more: bool) -> dict[str, Any]:
        """Return the response of the call."""
        refused = [
            {"topic": topic, "code": code, "detail": detail, "events": events}
            for (topic, code, detail), events in self._refused.items()
        ]
        counts = {"redriven": self._redriven, "passed": self._passed, "more": more}
        return {**counts, **({"token": step.next_token} if more else {}), **({"refused": refused} if refused else {})}

    def _is_wanted(self, letter: _Letter) -> bool:
        asked = self._request.topic
        if not letter.topic or not (matches(asked, letter.topic) if is_pattern(asked) else asked == letter.topic):
            return False
        return self._filter is None or self._filter.matches(letter.line, letter.dead_letter_topic)

    def _store(self, topic: str, letters: Sequence[_Letter]) -> None:
        """Publish events of one topic; of those that are refused together, each alone."""
        entries = [redriven_event(self._request.subscriber, self._redriver, letter.line) for letter in letters]
        # an earlier redrive may have published them, at any time since their dead letters were stored
        since = min(letter.recorded for letter in letters)
        try:
            self._publish(topic, self._redriver, entries, since)
        except (BadRequest, Conflict) as problem:
            if len(letters) == 1:
                self._refuse(topic, letters, problem)
            for letter in letters if len(letters) > 1 else ():
                self._store(topic, [letter])
        except Forbidden as problem:  # the topic is another's: so it is for all of them
            self._refuse(topic, letters, problem)
        else:
            self._stored += letters
            self._redriven += len(letters)

    def _refuse(self, topic: str, letters: Sequence[_Letter], problem: Problem) -> None:
        self._refused[(topic, problem.code, problem.detail)] += len(letters)


def _sources(state: State, topic: str) -> list[str]:
    """Return the dead-letter topics of the subscriptions to a topic, or to topics that a pattern matches."""
    found = {
        state.settings_of(subscription).dead_letter_topic or dead_letters_of(state.name)
        for name, subscription in state.subscriptions.items()
        if name == topic or (is_pattern(topic) and not is_pattern(name) and matches(topic, name))
    }
    return sorted(found or {dead_letters_of(state.name)})


def _is_set(subscription: Subscription | None, filters: bytes) -> bool:
    """Whether a subscription exists, with the settings and the filters with which a redrive reads dead letters."""
    if subscription is None or subscription.filters != filters:
        return False
    return all(getattr(subscription, name) == value for name, value in _SETTINGS.items())


def _letters(slice_: Slice, subscriber: str) -> list[_Letter]:
    prefix, first = sequence_prefix(slice_.span.partition), slice_.span.first
    return [
        _Letter(
            slice_.topic,
            f"{prefix}{first + offset:020d}",
            slice_.batch.created,
            line,
            original_topic(subscriber, line) or "",
        )
        for offset, line in zip(slice_.offsets, slice_.lines, strict=True)
    ]


def _chunks(letters: Sequence[_Letter]) -> Iterable[list[_Letter]]:
    """Split letters into parts that fit one batch of a log."""
    chunk: list[_Letter] = []
    size = 0
    for letter in letters:
        if chunk and size + len(letter.line) > _PUBLISH_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(letter)
        size += len(letter.line)
    if chunk:
        yield chunk
