"""What is published: a kilobyte of structured data, a kilobyte of text, and real payloads of webhooks."""

from __future__ import annotations

import json
import random
from pathlib import Path

__all__ = ["KINDS", "payloads"]

KINDS = ("structured", "string", "webhooks")

_WEBHOOKS = Path(__file__).parents[2] / "tests" / "data" / "github-webhooks.jsonl"


def payloads(kind: str, count: int) -> list[bytes]:
    """JSON of `count` events' data, as peers send it; each differs from the others."""
    made = random.Random(count)
    if kind == "string":
        return [json.dumps(f"{n:08d}" + _text(made, 1_000)).encode() for n in range(count)]
    if kind == "webhooks":
        lines = [json.loads(line)["data"] for line in _WEBHOOKS.read_text(encoding="utf-8").splitlines()]
        return [json.dumps({"n": n, "payload": lines[n % len(lines)]}).encode() for n in range(count)]
    return [json.dumps(_structured(made, n), separators=(",", ":")).encode() for n in range(count)]


def _structured(made: random.Random, n: int) -> dict[str, object]:
    """An order of about a kilobyte."""
    lines = [
        {"sku": f"A-{made.randrange(10_000)}", "quantity": made.randrange(1, 9), "price": made.randrange(9_999) / 100}
        for _ in range(14)
    ]
    return {
        "number": n,
        "customer": {"id": made.randrange(1_000_000), "name": _text(made, 24), "vip": made.random() < 0.1},
        "lines": lines,
        "address": {"street": _text(made, 40), "city": _text(made, 12), "zip": f"{made.randrange(99_999):05d}"},
        "note": _text(made, 100),
    }


def _text(made: random.Random, length: int) -> str:
    return "".join(made.choices("abcdefghijklmnopqrstuvwxyz     ", k=length))
