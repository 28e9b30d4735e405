"""For tests in Django's `TestCase`, whose transaction is never committed."""

from __future__ import annotations

from pubsubclient._http.config import find_service
from pubsubclient._http.transport import Transport
from pubsubclient._outbox.rows import Row, StoredEvent
from pubsubclient._publish.publisher import Publisher
from pubsubclient.contrib.django.models import OutboxEvent
from pubsubclient.contrib.django.settings import current

__all__ = ["publish_pending"]


def publish_pending() -> int:
    """Publish what the current transaction has added, as a relay would after its commit; returns how many events that is.

    In tests whose transactions are committed (`TransactionTestCase`), ``outbox().relay().run_once()`` does it.

    Raises:
        PubSubError: the service cannot be reached, or refuses an event
    """
    given = current()
    service = find_service(None)
    publisher = Publisher(given.name, service=service)
    pending = OutboxEvent.objects.using(given.database).filter(sent=None, failed=None).order_by("seq")
    rows = [Row(row.seq, row.topic, row.event, row.delay_s, None) for row in pending]
    for row in rows:
        event = StoredEvent(row, service.store, Transport.to(service).clock.now_us() or 0)
        publisher.publish(event, delay=row.delay_s)
        OutboxEvent.objects.using(given.database).filter(seq=row.seq).update(sent=0)
    return len(rows)
