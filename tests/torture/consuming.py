"""A consumer process of a subscriber: most of the time well-behaved, now and then slow, failing, or gone in the middle.

``python -m torture.consuming --name SUBSCRIBER --mode MODE --calm FILE`` and the options of every client (`worker`).
"""

from __future__ import annotations

import logging
import random
import threading
from argparse import Namespace
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import groupby

from pubsubclient import PubSubError, ReceivedEvent, Service, Subscriber
from pubsubclient._core.at_exit import verb_for
from torture.leaving import Leaving
from torture.lifetime import end_with_parent
from torture.payload import is_poisonous, is_whole
from torture.records import Acked, Delivered, Failed, HistoryFile, Settling, us_of
from torture.times import ACK_DEADLINE_S, READ_TIMEOUT_S
from torture.worker import options_of
from torture.workload import SUBSCRIBERS

_WAIT_S = 1.0
_DEADLINE_S = 10.0
_THREADS = 3


class _HandlingError(Exception):
    """What the code of a consumer raises now and then."""


class _LateSettlements(logging.Handler):
    """The leases of which the SDK has said that settlements did not count: their events may come again."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Take the leases that a warning lists."""
        for told in record.args if isinstance(record.args, tuple) else ():
            if isinstance(told, list):
                self.tokens.update(unknown["lease"] for unknown in told)


class Consumer:
    """One consumer; `run` consumes until it is asked to end, or a signal handler ends it."""

    def __init__(self, options: Namespace, leaving: Leaving) -> None:
        self._name = options.name
        self._mode = options.mode
        self._calm_file = options.calm
        self._lazy_s = SUBSCRIBERS[options.name].lazy_s
        self._fails = SUBSCRIBERS[options.name].fails
        self._leaving = leaving
        self._ended = leaving.ended
        self._history = HistoryFile(options.history)
        self._random = random.Random(options.seed)
        self._service = Service(options.url, deadline_s=_DEADLINE_S, read_timeout_s=READ_TIMEOUT_S)
        #: leases that this consumer's next call acknowledges
        self._in_hand: set[str] = set()
        self._late = _LateSettlements()
        logging.getLogger("pubsubclient").addHandler(self._late)

    def run(self) -> None:
        """Consume, whatever goes wrong, until the end."""
        ways: dict[str, Callable[[Subscriber], None]] = {
            "get_events": self._get_events, "pull": self._pull, "events": self._events, "threads": self._threads,
        }  # fmt: skip
        while not self._ended.is_set():
            try:
                with Subscriber(self._name, service=self._service) as subscriber:
                    try:
                        ways[self._mode](subscriber)
                    except (SystemExit, KeyboardInterrupt) as error:
                        for lease in subscriber._held_leases.leases:
                            self._say("ack" if lease.handled else verb_for(error), [lease.token])
                        raise
            except PubSubError as error:  # noqa: PERF203 - it begins anew
                self._history.write(Failed(self._mode, repr(error)))

    def _get_events(self, subscriber: Subscriber) -> None:
        """A thread's next call acknowledges what its last one returned."""
        while not self._ended.is_set():
            self._be_lazy()
            in_hand, self._in_hand = self._in_hand, set()
            self._leaving.succeeds = False
            self._say("ack", in_hand)
            events = subscriber.get_events(max_events=self._some(), wait=_WAIT_S)
            with self._leaving.undisturbed():
                self._were_acked(in_hand)
                self._in_hand = self._note(events)
                self._leaving.succeeds = True
            self._work(events)
        self._say("ack", self._in_hand)

    def _say(self, verb: str, tokens: Iterable[str]) -> None:
        for token in tokens:
            self._history.write(Settling(self._name, verb, token))

    def _were_acked(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            if token not in self._late.tokens:
                self._history.write(Acked(self._name, token))

    def _pull(self, subscriber: Subscriber) -> None:
        """A block of work: its end acknowledges, an exception nacks."""
        while not self._ended.is_set():
            self._be_lazy()
            with suppress(_HandlingError):
                with subscriber.pull(max_events=self._some(), wait=_WAIT_S) as events:
                    tokens: set[str] = set()
                    try:
                        with self._leaving.undisturbed():
                            tokens = self._note(events)
                        self._work(events)
                        self._say("nack" if (failed := self._happens(0.08)) else "ack", tokens)
                    except (SystemExit, KeyboardInterrupt):
                        self._say("release", tokens)
                        raise
                    if failed:
                        raise _HandlingError
                self._were_acked(tokens)

    def _events(self, subscriber: Subscriber) -> None:
        """A loop: coming back for the next event means that the last one is done; what was not come to is released."""
        while not self._ended.is_set():
            for event in subscriber.events(wait=_WAIT_S, max_events=self._some()):
                with self._leaving.undisturbed():
                    [token] = self._note([event])
                if self._ended.is_set() or self._happens(0.01):
                    break
                if self._happens(0.004):
                    self._be_late()
                if self._happens(0.02):
                    self._settle_by_name(event, self._random.choice(("ack", "nack")))
                else:
                    self._history.write(Settling(self._name, "ack", token, [(event.topic, event.sequence)]))

    def _threads(self, subscriber: Subscriber) -> None:
        """Loops of several threads, which share the subscriber's events and the background that settles them."""
        failed: list[PubSubError] = []

        def loop() -> None:
            try:
                self._events(subscriber)
            except PubSubError as error:
                failed.append(error)

        threads = [threading.Thread(target=loop) for _ in range(_THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise failed[0]

    def _work(self, events: Iterable[ReceivedEvent]) -> None:
        """Handle events: some are settled by name, some too late."""
        for event in events:
            if self._fails and is_poisonous(event.id):
                self._settle_by_name(event, "nack")
            elif self._happens(0.03):
                self._settle_by_name(event, self._random.choice(("ack", "nack")))
        if self._happens(0.04):
            self._be_late()

    def _settle_by_name(self, event: ReceivedEvent, verb: str) -> None:
        ref, token = (event.topic, event.sequence), _token(event)
        with self._leaving.undisturbed():
            self._history.write(Settling(self._name, verb, token, [ref]))
            try:
                if verb == "nack":
                    event.nack(self._random.choice((None, 0, 1)))
                elif event.ack():
                    self._history.write(Acked(self._name, token, [ref]))
            except PubSubError as error:
                self._history.write(Failed(verb, repr(error)))

    def _note(self, events: Iterable[ReceivedEvent]) -> set[str]:
        """Write down what was delivered; returns the tokens."""
        tokens = set()
        for (token, attempt), group in groupby(events, key=lambda event: (_token(event), event.attempt)):
            got = [
                (event.id, event.topic, event.sequence, us_of(event.recordedtime), _is_whole(event)) for event in group
            ]
            self._history.write(Delivered(self._name, token, attempt, got))
            tokens.add(token)
        return tokens

    def _some(self) -> int:
        return self._random.choice((5, 20, 100, 100) if self._mode == "events" else (1, 5, 20, 100, 100))

    def _happens(self, chance: float) -> bool:
        return self._random.random() < chance and not self._calm_file.exists()

    def _be_late(self) -> None:
        self._ended.wait(ACK_DEADLINE_S + self._random.uniform(0, 1))

    def _be_lazy(self) -> None:
        if self._lazy_s and not self._calm_file.exists():
            self._ended.wait(self._random.uniform(0, 2 * self._lazy_s))


def _token(event: ReceivedEvent) -> str:
    """Users need no tokens; the checker does."""
    assert event._lease is not None
    return event._lease.token


def _is_whole(event: ReceivedEvent) -> bool:
    """Whether its data are those of its id; a dead letter has the data of the event that died."""
    return is_whole(str(event.attributes.get("originalid", event.id)), event.data)


def main() -> None:
    options = options_of("consuming")
    end_with_parent(options.parent)
    Consumer(options, Leaving(options.calm, options.seed)).run()


if __name__ == "__main__":
    main()
