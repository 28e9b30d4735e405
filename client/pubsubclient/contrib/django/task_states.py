"""What became of a task that no worker could write down: the service tells it of the task's event."""

from __future__ import annotations

from pubsubclient._core.errors import NotFound
from pubsubclient._http.config import find_service
from pubsubclient._http.transport import Transport
from pubsubclient._subscribe.descriptions import Explanation
from pubsubclient._subscribe.explain import explain
from pubsubclient.contrib.django.models import OutboxEvent, TaskRecord
from pubsubclient.contrib.django.settings import current
from pubsubclient.contrib.django.task_api import TaskResultStatus

__all__ = ["TaskLost", "told_state"]


class TaskLost(Exception):  # noqa: N818 - it tells of a task, as Django's exceptions of Tasks do
    """In `TaskResult.errors`: the task has failed for good, and no attempt could say why.

    Its worker was killed at the last attempt, that took longer than its timeout, or the service refuses the task's event.
    """


#: what the service says of an event that is not delivered again
_OVER = {
    "dead": "",
    "dead_lettered": "",
    "dropped": "",
    "settled": "its event was acknowledged without it",
    "trimmed": "its event was deleted by retention",
    "before_start": "its event is before the start of the subscription",
}


def told_state(row: TaskRecord, subscriber: str, topic: str) -> tuple[str, str]:
    """Return the status of a task that is not finished by its row, and if it has failed, the reason.

    Raises:
        PubSubError: the service cannot be reached, or refuses
    """
    found = _ask(row, subscriber, topic)
    state = "unknown_event" if found is None else found.state
    if found is not None and state in _OVER:
        return TaskResultStatus.FAILED, found.reason or _OVER[state] or "its last attempt ended without an outcome"
    if found is not None and state == "leased":
        is_running = row.status == TaskResultStatus.RUNNING and row.attempt == found.attempt
        return (TaskResultStatus.RUNNING if is_running else TaskResultStatus.READY), ""
    if state == "unknown_event":
        refused = OutboxEvent.objects.using(current().database).filter(
            topic=topic, failed__isnull=False, event__contains=f'"{row.pk}"'
        )
        if (aside := refused.first()) is not None:
            return TaskResultStatus.FAILED, str(aside.failed)
    return TaskResultStatus.READY, ""


def _ask(row: TaskRecord, subscriber: str, topic: str) -> Explanation | None:
    """Ask the service; None if it knows no such topic or subscriber."""
    try:
        return explain(Transport.to(find_service(None)), subscriber, row.sequence or row.pk, topic)
    except NotFound:
        return None
