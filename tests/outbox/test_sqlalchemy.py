"""Sessions of SQLAlchemy: events and effects in their transactions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, create_engine, inspect, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, scoped_session, sessionmaker

from outbox.stores import rows
from pubsubclient import App, ConfigurationError, InvalidArgument, ReceivedEvent, Retry
from pubsubclient.contrib.sqlalchemy import connect_to, outbox_table, processed_table
from pubsubclient.outbox import Outbox, ProcessedOnce
from pubsubclient.testing import Local


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    number: Mapped[int] = mapped_column(primary_key=True)


outbox_table(Base.metadata)
processed_table(Base.metadata)


@pytest.fixture
def engine(address: str) -> Iterator[Engine]:
    made = create_engine(url_of(address))
    Base.metadata.create_all(made)
    yield made
    made.dispose()


def url_of(address: str) -> str:
    if not address.startswith("host="):
        return f"sqlite:///{address}"
    named = dict(part.split("=", 1) for part in address.split())
    return (
        f"postgresql+psycopg://{named['user']}@/{named['dbname']}?host={named['host']}"
        f"&options={named['options']}&application_name={named['application_name']}"
    )


@pytest.fixture
def outbox(engine: Engine) -> Outbox:
    return Outbox(connect=connect_to(engine))


def test_events_share_the_sessions_transaction(pubsub: Local, engine: Engine, outbox: Outbox) -> None:
    with Session(engine) as session:
        for number, ends in ((1, session.commit), (2, session.rollback), (3, session.commit)):
            session.add(Order(number=number))
            outbox.add(session, "orders", number)
            ends()
        outbox.add(session, "orders", "alone")
        session.rollback()
        outbox.add(session, "orders", "alone, too")
        session.commit()
        assert session.scalars(select(Order.number).order_by(Order.number)).all() == [1, 3]
    assert outbox.relay().run_once() == 3
    assert [event.data for event in pubsub.published("orders")] == [1, 3, "alone, too"]


def test_savepoints_take_their_events_with_them(pubsub: Local, engine: Engine, outbox: Outbox) -> None:
    with Session(engine) as session:
        outbox.add(session, "orders", 1)
        inner = session.begin_nested()
        outbox.add(session, "orders", 2)
        inner.rollback()
        with session.begin_nested():
            outbox.add(session, "orders", 3)
        session.commit()
    assert outbox.relay().run_once() == 2
    assert [event.data for event in pubsub.published("orders")] == [1, 3]


def test_connections_and_scoped_sessions_are_taken_too(pubsub: Local, engine: Engine, outbox: Outbox) -> None:
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO orders VALUES (1)"))
        outbox.add(connection, "orders", 1)
    sessions = scoped_session(sessionmaker(engine))
    outbox.add(sessions, "orders", 2)
    sessions.commit()
    sessions.remove()
    assert outbox.relay().run_once() == 2


def test_effects_in_a_session_happen_once(pubsub: Local, engine: Engine) -> None:
    app, once = App("billing"), ProcessedOnce()

    @app.handler("orders", backoff=0)
    def handle(number: int, event: ReceivedEvent) -> None:
        with Session(engine) as session:
            if once.first(session, event):
                session.add(Order(number=number))
            session.commit()
        if event.attempt == 1:
            raise Retry("again")

    for number in range(5):
        pubsub.publish("orders", number)
    pubsub.deliver(app, until="settled", errors="keep")
    with Session(engine) as session:
        assert session.scalars(select(Order.number).order_by(Order.number)).all() == list(range(5))
        assert once.prune(session, older_than=0) == 5


@pytest.mark.filterwarnings("ignore:Did not recognize type 'xid8'")
def test_the_declared_tables_are_those_that_create_makes(engine: Engine, address: str) -> None:
    with engine.begin() as connection:
        Outbox("made").create(connection)
        ProcessedOnce("handled").create(connection)
    seen = inspect(engine)
    for declared, made in (("pubsub_outbox", "made"), ("pubsub_processed", "handled")):
        assert columns(seen, made) == [
            column for column in columns(seen, declared) if column[0] != "xid" or engine.dialect.name == "postgresql"
        ]
        assert (
            seen.get_pk_constraint(declared)["constrained_columns"]
            == seen.get_pk_constraint(made)["constrained_columns"]
        )


def columns(seen: Any, table: str) -> list[tuple[str, bool, bool]]:
    return sorted(
        (column["name"], column["nullable"], column["default"] is not None or "identity" in column)
        for column in seen.get_columns(table)
    )


def test_a_relays_connection_is_not_the_pools(engine: Engine, outbox: Outbox, address: str) -> None:
    connection = outbox.open()
    assert engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    connection.close()
    assert rows(address, "SELECT count(*) FROM pubsub_outbox") == [(0,)]


def test_what_is_asynchronous_is_refused(outbox: Outbox) -> None:
    class AsyncSession:
        async def connection(self) -> None:
            """As SQLAlchemy's."""

    with pytest.raises(ConfigurationError, match="AsyncSession is asynchronous: use its run_sync with a Session"):
        outbox.add(AsyncSession(), "orders", 1)
    with pytest.raises(InvalidArgument, match="table: expected"):
        outbox_table(MetaData(), "Outbox")
