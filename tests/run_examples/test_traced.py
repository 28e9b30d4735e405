"""The order of examples/traced: its picture is the one of docs/telemetry.md, but for how long things took."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from run_examples.programs import EXAMPLES, Program


def _spans(picture: Path) -> list[tuple[str, ...]]:
    """The names, how deep they stand, and the colours of their bars."""
    text = picture.read_text(encoding="utf-8")
    return re.findall(r'<text x="(\d+)" y="\d+">(.*?)</text>\n<rect [^>]*fill="(#\w+)"', text)


def test_one_trace_leads_from_the_request_to_the_handler(start: Callable[..., Program], tmp_path: Path) -> None:
    """The request that settles is linked to it, and has a trace of its own."""
    program = start("traced", "shop.py", str(tmp_path / "trace.svg"))
    assert program.ended() == 0
    assert program.lines == ["6 spans of 2 traces"]
    drawn = _spans(tmp_path / "trace.svg")
    assert [name for _, name, _ in drawn] == [
        "POST /orders",
        "publish orders",
        "process orders",
        "calculate the total",
        "publish invoices",
        "ack orders",
    ]
    assert drawn == _spans(EXAMPLES.parent / "docs" / "images" / "trace.svg")
