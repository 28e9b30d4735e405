"""The tables of events and Tasks."""

from __future__ import annotations

from django.db import migrations, models

from pubsubclient.contrib.django.tables import CreateOutboxTables

_OUTBOX = migrations.CreateModel(
    name="OutboxEvent",
    fields=[
        ("seq", models.BigAutoField(primary_key=True, serialize=False)),
        ("topic", models.TextField()),
        ("event", models.TextField()),
        ("delay_s", models.FloatField(null=True)),
        ("created", models.BigIntegerField()),
        ("first_try", models.BigIntegerField(null=True)),
        ("sent", models.BigIntegerField(null=True)),
        ("failed", models.TextField(null=True)),
    ],
    options={
        "db_table": "pubsub_outbox",
        "verbose_name": "event on its way",
        "verbose_name_plural": "events on their way",
    },
)
_PROCESSED = migrations.CreateModel(
    name="ProcessedEvent",
    fields=[
        (
            "pk",
            models.CompositePrimaryKey(
                "subscriber",
                "topic",
                "source",
                "id",
                blank=True,
                editable=False,
                primary_key=True,
                serialize=False,
            ),
        ),
        ("subscriber", models.TextField()),
        ("topic", models.TextField()),
        ("source", models.TextField()),
        ("id", models.TextField()),
        ("processed", models.BigIntegerField()),
    ],
    options={"db_table": "pubsub_processed", "verbose_name": "handled event"},
)
_TASK = migrations.CreateModel(
    name="TaskRecord",
    fields=[
        ("id", models.CharField(max_length=64, primary_key=True, serialize=False)),
        ("backend", models.TextField()),
        ("path", models.TextField()),
        ("queue", models.TextField()),
        ("arguments", models.TextField()),
        ("run_after", models.DateTimeField(null=True)),
        ("status", models.CharField(max_length=10)),
        ("enqueued", models.DateTimeField()),
        ("started", models.DateTimeField(null=True)),
        ("last_attempted", models.DateTimeField(null=True)),
        ("finished", models.DateTimeField(null=True)),
        ("changed", models.DateTimeField(db_index=True)),
        ("workers", models.TextField(default="[]")),
        ("errors", models.TextField(default="[]")),
        ("return_value", models.TextField(default="null")),
        ("sequence", models.TextField(default="")),
        ("attempt", models.IntegerField(default=0)),
    ],
    options={"db_table": "pubsub_task", "verbose_name": "task"},
)


class Migration(migrations.Migration):
    """The tables that `Outbox` and `ProcessedOnce` make are stated as models; the table of Tasks is as its model says."""

    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[CreateOutboxTables()], state_operations=[_OUTBOX, _PROCESSED]
        ),
        _TASK,
    ]
