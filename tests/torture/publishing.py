"""A publisher process.

``python -m torture.publishing --name PUBLISHER`` and the options of every client (`worker`).
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Sequence
from functools import partial

from pubsubclient import Event, Publisher, PublishError, PubSubError, Receipt, Service
from pubsubclient._http.transport import Transport
from pubsubclient._publish.receipts import read_receipts
from torture.lifetime import asked_to_end, end_with_parent
from torture.payload import colour_of, data_of
from torture.records import Attempted, Failed, HistoryFile, Stored, us_of
from torture.times import PUBLISH_S, READ_TIMEOUT_S
from torture.worker import options_of
from torture.workload import PUBLISHERS

_PAUSE_S = 0.15
_MOST = 8
#: of all publishes, the part with a delay, and how long that is, seconds
_DELAYED = 0.1
_DELAYS_S = (1, 2, 3)


def main() -> None:
    options = options_of("publishing")
    end_with_parent(options.parent)
    ended = asked_to_end()
    history = HistoryFile(options.history)
    chance = random.Random(options.seed)
    service = Service(options.url, deadline_s=READ_TIMEOUT_S, read_timeout_s=READ_TIMEOUT_S)
    publisher = _registered(options.name, service, history)
    number = 0
    while not ended.wait(0):
        topic = chance.choice(PUBLISHERS[options.name])
        ids = [f"{options.name}-{options.incarnation}-{number + i}" for i in range(chance.randint(1, _MOST))]
        number += len(ids)
        events = [Event(topic, data_of(event_id), id=event_id, type=colour_of(event_id)) for event_id in ids]
        delay_s = chance.choice(_DELAYS_S) if chance.random() < _DELAYED else 0
        history.write(Attempted(options.name, topic, ids, delay_s * 1_000_000))
        send = (
            _delayed(service, options.name, topic, events, delay_s) if delay_s else partial(publisher.publish, events)
        )
        _publish(send, topic, ids, history)
        ended.wait(chance.uniform(0, _PAUSE_S))


def _registered(name: str, service: Service, history: HistoryFile) -> Publisher:
    while True:
        try:
            return Publisher(name, service=service)
        except PubSubError as error:  # noqa: PERF203 - it tries again
            history.write(Failed("register", repr(error)))


def _delayed(
    service: Service, publisher: str, topic: str, events: Sequence[Event], delay_s: int
) -> Callable[[], list[Receipt]]:
    """Publishes events with a delay; each time it is called the very same ones."""
    transport = Transport.to(service)
    lines = [json.loads(event.encode(f"/publishers/{publisher}")) for event in events]
    since = transport.clock.now_us()
    body = {"topic": topic, "publisher": publisher, "since": since, "delay_s": delay_s, "events": lines}
    return lambda: read_receipts(transport.call("publish", body).body, len(events))


def _publish(send: Callable[[], Sequence[Receipt]], topic: str, ids: list[str], history: HistoryFile) -> None:
    """Publish events, the same ones again while that is known to store each once."""
    give_up = time.monotonic() + PUBLISH_S
    while True:
        try:
            receipts = send()
        except PubSubError as error:  # noqa: PERF203
            refused = isinstance(error, PublishError) and not error.uncertain
            history.write(Failed("publish", repr(error.__cause__ or error), ids, refused))
            if refused or time.monotonic() > give_up:
                return
        else:
            stored = [(receipt.id, receipt.sequence, us_of(receipt.recordedtime)) for receipt in receipts]
            history.write(Stored(topic, stored))
            return


if __name__ == "__main__":
    main()
