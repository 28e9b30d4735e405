"""A migration's operation: the tables that `Outbox.create` and `ProcessedOnce.create` make."""

from __future__ import annotations

from typing import Any

from django.db import router
from django.db.migrations.operations.base import Operation

from pubsubclient._outbox.databases import database_for
from pubsubclient._outbox.processed import processed_tables

__all__ = ["CreateOutboxTables"]

_OUTBOX, _PROCESSED = "pubsub_outbox", "pubsub_processed"


class CreateOutboxTables(Operation):
    """Make both tables. On databases that cannot hold an outbox it does nothing: `PUBSUB['DATABASE']` is none of them."""

    reversible = True
    reduces_to_sql = True

    def state_forwards(self, app_label: str, state: Any) -> None:
        """Change nothing: the models are stated beside it."""

    def database_forwards(self, app_label: str, schema_editor: Any, *_: Any) -> None:
        """Make the tables."""
        database = database_for(schema_editor.connection.vendor)
        if database is not None and _allowed(app_label, schema_editor):
            for statement in (*database.outbox_tables(_OUTBOX), *processed_tables(_PROCESSED)):
                schema_editor.execute(statement, params=None)

    def database_backwards(self, app_label: str, schema_editor: Any, *_: Any) -> None:
        """Drop the tables."""
        if _allowed(app_label, schema_editor):
            for table in (_OUTBOX, _PROCESSED):
                schema_editor.execute(f"DROP TABLE IF EXISTS {table}", params=None)

    def describe(self) -> str:
        """Say what it does."""
        return f"Create the tables {_OUTBOX} and {_PROCESSED}"


def _allowed(app_label: str, schema_editor: Any) -> bool:
    """Whether the database routers let this database have the tables."""
    return bool(router.allow_migrate(schema_editor.connection.alias, app_label, model_name="outboxevent"))
