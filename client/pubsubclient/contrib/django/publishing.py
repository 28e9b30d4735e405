"""Events in a transaction of Django: published after its commit, and handled once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, overload

from django.db import connections, transaction

from pubsubclient._core.arguments import Seconds
from pubsubclient._events.event import Event
from pubsubclient._events.received import ReceivedEvent
from pubsubclient._events.topic import T, Topic
from pubsubclient._outbox.outbox import Outbox
from pubsubclient._outbox.processed import ProcessedOnce
from pubsubclient.contrib.django.connections import connect, in_transaction
from pubsubclient.contrib.django.settings import current

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from pubsubclient._events.event import EventMembers

__all__ = ["PROCESSED", "first_time", "outbox", "publish_on_commit"]

PROCESSED = ProcessedOnce("pubsub_processed")


def outbox() -> Outbox:
    """Return the outbox, as the settings say: ``outbox().relay().run_once()``. Raises ImproperlyConfigured."""
    given = current()
    return Outbox(
        "pubsub_outbox", connect=partial(connect, given.database), publisher=given.name, keep=given.keep_sent_s
    )


@overload
def publish_on_commit(event: Event, /, *, delay: Seconds | None = None) -> Event: ...
@overload
def publish_on_commit(
    topic: Topic[T], /, data: T, *, delay: Seconds | None = None, **event: Unpack[EventMembers]
) -> Event: ...
@overload
def publish_on_commit(
    topic: Topic[Any], /, *, delay: Seconds | None = None, **event: Unpack[EventMembers]
) -> Event: ...
@overload
def publish_on_commit(
    topic: str, /, data: Any = None, *, delay: Seconds | None = None, **event: Unpack[EventMembers]
) -> Event: ...


def publish_on_commit(first: Any, /, *data: Any, **options: Any) -> Event:
    """Add an event, or data for a topic, to the current transaction: published once it is committed, and never without it.

    It is `Outbox.add` on Django's connection to ``PUBSUB['DATABASE']``: a row of the transaction, or of a savepoint. It is no
    hook of `transaction.on_commit`: one that publishes would lose the event if the process ended between commit and hook.
    Outside of `atomic` the event is committed at once.

    Args:
        first: an event, or the topic of the event to make
        data: with a topic: the event's data
        options: ``delay``, as for `Publisher.publish`; with a topic also ``type``, ``subject``, ``id``, ``time`` and
            ``attributes``

    Returns:
        the event, with the id that it will have

    Raises:
        InvalidArgument: an argument is no event, or the event is larger than 900,000 bytes; nothing was added
        ImproperlyConfigured: the setting PUBSUB is missing or wrong
        DatabaseError: as for Django's own queries
    """
    table = outbox()
    with in_transaction(current().database) as connection:
        return table.add(connection, first, *data, **options)


def first_time(event: ReceivedEvent, *, subscriber: str | None = None) -> bool:
    """Whether no committed transaction has handled the event; if so, the current one does. As `ProcessedOnce.first`.

    Raises:
        TransactionManagementError: there is no transaction of `atomic`, so there is nothing that the effects share with it
        InvalidArgument: no event that a subscriber received, and no `subscriber`
        ImproperlyConfigured: the setting PUBSUB is missing or wrong
    """
    alias = current().database
    if not connections[alias].in_atomic_block:
        raise transaction.TransactionManagementError(
            "first_time: expected a transaction, which has the event's effects too: with transaction.atomic()."
        )
    with in_transaction(alias) as connection:
        return PROCESSED.first(connection, event, subscriber=subscriber)
