"""The shop's database: orders and invoices, an outbox, and what was handled. `python db.py` makes the tables."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from pubsubclient.outbox import Outbox, ProcessedOnce


def connect() -> sqlite3.Connection:
    return sqlite3.connect(os.environ.get("SHOP_DB", "shop.db"), timeout=30)


@contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    """A connection and its one transaction: committed at the end of the block, rolled back by an exception."""
    connection = connect()
    try:
        with connection:
            yield connection
    finally:
        connection.close()


outbox = Outbox(connect=connect, publisher="shop")
once = ProcessedOnce()

if __name__ == "__main__":
    with transaction() as made:
        made.execute("CREATE TABLE IF NOT EXISTS orders (number INTEGER PRIMARY KEY, amount INTEGER)")
        made.execute("CREATE TABLE IF NOT EXISTS invoices (number INTEGER PRIMARY KEY, amount INTEGER)")
        outbox.create(made)
        once.create(made)
