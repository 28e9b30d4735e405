"""The tables of `pubsubclient.outbox` for SQLAlchemy's metadata, and connections of an engine for the relay.

`Outbox.add` and `ProcessedOnce.first` take a Session or Connection of SQLAlchemy as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import BigInteger, Column, Double, Engine, Identity, Index, Integer, MetaData, Table, Text, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement
from sqlalchemy.types import UserDefinedType

from pubsubclient._outbox.connections import Connection, check_table
from pubsubclient._outbox.databases import UNSENT

__all__ = ["connect_to", "outbox_table", "processed_table"]


def outbox_table(metadata: MetaData, name: str = "pubsub_outbox") -> Table:
    """Declare the table of ``Outbox(name)``, for `MetaData.create_all` and Alembic, in place of `Outbox.create`.

    Raises:
        InvalidArgument: the name is not valid
    """
    sequence = Column("seq", BigInteger().with_variant(Integer, "sqlite"), Identity(always=True), primary_key=True)
    transaction = Column(
        "xid", _Xid8().with_variant(Integer, "sqlite"), server_default=_CurrentTransaction(), nullable=False
    )
    table = Table(
        check_table(name),
        metadata,
        sequence,
        Column("topic", Text, nullable=False),
        Column("event", Text, nullable=False),
        Column("delay_s", Double),
        Column("created", BigInteger, nullable=False),
        Column("first_try", BigInteger),
        Column("sent", BigInteger),
        Column("failed", Text),
        transaction,
        sqlite_autoincrement=True,
    )
    Index(f"{name}_unsent", transaction, sequence, postgresql_where=text(UNSENT), sqlite_where=text(UNSENT))
    return table


def processed_table(metadata: MetaData, name: str = "pubsub_processed") -> Table:
    """Declare the table of ``ProcessedOnce(name)``, as `outbox_table` does. Raises InvalidArgument."""
    keys = [Column(key, Text, primary_key=True) for key in ("subscriber", "topic", "source", "id")]
    age = Column("processed", BigInteger, nullable=False)
    table = Table(check_table(name), metadata, *keys, age)
    Index(f"{name}_age", age)
    return table


def connect_to(engine: Engine) -> Callable[[], Connection]:
    """Return the `connect` of an outbox: ``Outbox(connect=connect_to(engine))``. The connections are not the pool's."""

    def connect() -> Connection:
        lent = engine.raw_connection()
        own: Any = lent.driver_connection  # detaching takes it from `lent`
        lent.detach()
        found: Connection = own
        return found

    return connect


class _Xid8(UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


class _CurrentTransaction(FunctionElement[int]):
    """The default of the column of transaction ids; SQLite, which orders by `seq` alone, has 0 there."""

    inherit_cache = True


@compiles(_CurrentTransaction)
def _for_postgresql(*_: Any, **__: Any) -> str:
    return "pg_current_xact_id()"


@compiles(_CurrentTransaction, "sqlite")
def _for_sqlite(*_: Any, **__: Any) -> str:
    return "0"
