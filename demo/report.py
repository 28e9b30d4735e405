"""The table at the end."""

from __future__ import annotations

from collections.abc import Iterable

from demo.messages import Finished
from demo.metering import PRICES_OF, Operations

__all__ = ["table"]

_HEAD = ("", "processes", "events", "events/s", "reads", "writes", "deletes", "on Firestore")


def table(rows: Iterable[tuple[str, list[Finished]]]) -> str:
    """A row for each name, of what its processes did, and their sum."""
    lines = [_HEAD]
    total = Operations()
    for name, processes in rows:
        operations = sum((process.operations for process in processes), Operations())
        total += operations
        events = sum(process.events for process in processes)
        seconds = max(process.seconds for process in processes)
        rate = f"{events / seconds:,.0f}" if seconds else "-"
        lines.append((name, str(len(processes)), f"{events:,}", rate, *_cells(operations)))
    lines.append(("all", "", "", "", *_cells(total)))
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    texts = [
        "  ".join(
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    rule = "-" * len(texts[0])
    return "\n".join([texts[0], rule, *texts[1:-1], rule, texts[-1], _footnote()])


def _cells(operations: Operations) -> tuple[str, str, str, str]:
    counts = (operations.reads, operations.writes, operations.deletes)
    reads, writes, deletes = (f"{count:,}" for count in counts)
    return reads, writes, deletes, f"${operations.dollars:.4f}"


def _footnote() -> str:
    return (
        f"Store operations as the answers' X-Store-Ops say, at Firestore's prices of {PRICES_OF} (Standard edition,\n"
        "us-central1, without the free quota); the functions' requests and computing time come on top."
    )
