"""What handlers write down: a JSON object a line, in a file that several processes may share."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["read_records", "write_record"]


def write_record(file: int, record: Mapping[str, Any]) -> None:
    """Append a record to an open file. It begins on a line of its own: a process that was killed may have left half a line."""
    os.write(file, b"\n" + json.dumps(record).encode() + b"\n")


def read_records(file: Path) -> list[dict[str, Any]]:
    """Return the records that are whole, in their order; none if there is no file."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
