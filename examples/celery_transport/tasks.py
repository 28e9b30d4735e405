"""Tasks: `celery -A tasks worker --pool solo` runs them, `python tasks.py` sends some."""

from __future__ import annotations

import pubsub_transport  # noqa: F401 - it brings pubsub://
from celery import Celery, Task

app = Celery("tasks", broker="pubsub://")
app.conf.update(
    task_acks_late=True,  # a killed worker's task comes again
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,  # it needs fan-out
    worker_redirect_stdouts=False,  # what a task prints is not a line of the log
)


@app.task
def greet(name: str) -> None:
    print(f"hello {name}", flush=True)


@app.task(bind=True, max_retries=3)
def mail(self: Task, address: str) -> None:
    """Stands for a mail server that is busy at first."""
    if not self.request.retries:
        raise self.retry(countdown=1)
    print(f"mail to {address}", flush=True)


if __name__ == "__main__":
    greet.apply_async(("later",), countdown=1)
    greet.delay("Ada")
    mail.delay("ada@example.com")
