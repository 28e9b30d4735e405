"""An outbox's table, as the relay works on it: each method is a transaction of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from pubsubclient._outbox.connections import Connection, changed, execute, query
from pubsubclient._outbox.databases import Database
from pubsubclient._outbox.rows import Row

__all__ = ["OutboxTable"]

#: how often old rows are deleted, seconds
_CLEAN_EVERY_S = 60.0


class OutboxTable:
    """One outbox over one connection.

    Args:
        connection: the relay's own
        database: the database behind it
        name: the table's
        keep_s: how long rows of published events stay, seconds
    """

    def __init__(self, connection: Connection, database: Database, name: str, keep_s: float) -> None:
        self._connection = connection
        self._database = database
        self._name = name
        self._keep_s = keep_s
        self._cleaned_at = 0.0
        #: the right to relay it
        self.turn = database.turn(connection, name)

    def adopt_restored(self) -> None:
        """Make rows that were restored from another server's backup ready to be published."""
        if adoption := self._database.adoption(self._name):
            execute(self._connection, adoption)
            self._connection.commit()

    def next_rows(self) -> list[Row]:
        """Return the rows that are to be published next, in order."""
        rows = query(self._connection, self._database.next_rows(self._name))
        self._connection.commit()  # it ends the reading transaction
        return [Row(*row) for row in rows]

    def mark_tried(self, rows: Sequence[Row], first_try: int) -> bool:
        """Write down a time of the store before the first try to publish rows, µs.

        Returns False, and changes nothing, if somebody else has tried one of them meanwhile.
        """
        marked = self._update([row.seq for row in rows], "first_try = ?", first_try, only="first_try IS NULL AND ")
        if marked != len(rows):
            self._connection.rollback()
            return False
        self._connection.commit()
        return True

    def mark_done(self, sent: Sequence[int], refused: Mapping[int, str]) -> None:
        """Write down which rows are published, and which are refused and why."""
        if sent and self._keep_s:
            self._update(sent, "sent = ?", time.time_ns() // 1000)
        elif sent:
            execute(self._connection, *self._for_rows(f"DELETE FROM {self._name} WHERE ", sent))  # noqa: S608 - a checked name
        for seq, reason in refused.items():
            self._update([seq], "failed = ?", reason)
        self._connection.commit()

    def delete_old(self) -> None:
        """Delete rows that were published long enough ago, now and then."""
        if self._keep_s and time.monotonic() >= self._cleaned_at + _CLEAN_EVERY_S:
            self._cleaned_at = time.monotonic()
            before = time.time_ns() // 1000 - round(self._keep_s * 1_000_000)
            statement = f"DELETE FROM {self._name} WHERE sent < ?"  # noqa: S608 - a checked name
            execute(self._connection, self._database.sql(statement), (before,))
            self._connection.commit()

    def _update(self, seqs: Sequence[int], change: str, value: object, only: str = "") -> int:
        statement, numbers = self._for_rows(f"UPDATE {self._name} SET {change} WHERE {only}", seqs)  # noqa: S608 - a checked name
        return changed(self._connection, statement, [value, *numbers])

    def _for_rows(self, statement: str, seqs: Sequence[int]) -> tuple[str, list[int]]:
        places = ", ".join("?" * len(seqs))
        return self._database.sql(f"{statement}seq IN ({places})"), list(seqs)
