"""A module of Celery: an invoice is mailed, with retries, and what was mailed is archived."""

from __future__ import annotations

from celery import Celery, Task
from celery.exceptions import Reject

celery = Celery("mailer", broker="memory://")
celery.conf.task_always_eager = True  # `celery -A before worker` runs it beside a broker
busy = {"ada@example.com"}


class BusyError(Exception):
    """The mail server takes no mail just now."""


def deliver(address: str) -> None:
    """Stands for a mail server, which is busy the first time for some."""
    if address in busy:
        busy.discard(address)
        raise BusyError


@celery.task(bind=True, max_retries=4, acks_late=True)
def mail(self: Task, number: int, address: str) -> None:
    if "@" not in address:
        raise Reject("no address", requeue=False)
    try:
        deliver(address)
    except BusyError as error:
        raise self.retry(exc=error, countdown=0) from error
    print(f"mailed invoice {number} to {address}")
    archive.delay(number)


@celery.task
def archive(number: int) -> None:
    print(f"archived invoice {number}")


if __name__ == "__main__":
    mail.delay(17, "ada@example.com")
    mail.delay(18, "bob@example.com")
    mail.delay(19, "nowhere")
