"""The tables: events on their way out, events that were handled, and Tasks."""

from __future__ import annotations

from django.db import models

__all__ = ["OutboxEvent", "ProcessedEvent", "TaskRecord"]


class OutboxEvent(models.Model):
    """A row of the outbox: an event that a transaction added. The relay publishes it; programs only read here.

    PostgreSQL's table has one column more, which gives the order: the transaction's id.
    """

    seq = models.BigAutoField(primary_key=True)
    topic = models.TextField()
    #: the CloudEvent's JSON
    event = models.TextField()
    delay_s = models.FloatField(null=True)
    #: times: of the day, of the store before the first try, of the day; µs
    created = models.BigIntegerField()
    first_try = models.BigIntegerField(null=True)
    sent = models.BigIntegerField(null=True)
    #: why the service refuses it
    failed = models.TextField(null=True)

    class Meta:
        db_table = "pubsub_outbox"
        verbose_name = "event on its way"
        verbose_name_plural = "events on their way"

    def __str__(self) -> str:
        return f"{self.topic} {self.seq}"


class ProcessedEvent(models.Model):
    """An event that a handler has handled, by `first_time`."""

    pk = models.CompositePrimaryKey("subscriber", "topic", "source", "id")
    subscriber = models.TextField()
    topic = models.TextField()
    source = models.TextField()
    id = models.TextField()
    #: time of the day, µs
    processed = models.BigIntegerField()

    class Meta:
        db_table = "pubsub_processed"
        verbose_name = "handled event"

    def __str__(self) -> str:
        return f"{self.subscriber} {self.topic} {self.id}"


class TaskRecord(models.Model):
    """A task of Django's Tasks: what was enqueued, and what became of it as far as workers could write it down."""

    id = models.CharField(primary_key=True, max_length=64)
    backend = models.TextField()
    #: where the task is: ``shop.tasks.charge``
    path = models.TextField()
    queue = models.TextField()
    #: JSON: ``{"args": […], "kwargs": {…}}``
    arguments = models.TextField()
    run_after = models.DateTimeField(null=True)
    status = models.CharField(max_length=10)
    enqueued = models.DateTimeField()
    started = models.DateTimeField(null=True)
    last_attempted = models.DateTimeField(null=True)
    finished = models.DateTimeField(null=True)
    #: when the row was last changed: old rows are deleted
    changed = models.DateTimeField(db_index=True)
    #: JSON: the workers of the attempts
    workers = models.TextField(default="[]")
    #: JSON: the exceptions of the attempts
    errors = models.TextField(default="[]")
    #: JSON
    return_value = models.TextField(default="null")
    #: the event of the last attempt: its place in its topic, and its attempt
    sequence = models.TextField(default="")
    attempt = models.IntegerField(default=0)

    class Meta:
        db_table = "pubsub_task"
        verbose_name = "task"

    def __str__(self) -> str:
        return f"{self.path} {self.id}"
