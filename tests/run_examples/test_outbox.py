"""The shop of examples/outbox: orders leave with their transactions, and each gets one invoice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from run_examples.programs import Program

ORDERS = 10


def test_each_order_that_was_committed_gets_one_invoice(
    start: Callable[..., Program], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_DB", str(tmp_path / "shop.db"))
    assert start("outbox", "db.py").ended() == 0
    billing = start("outbox", "-m", "pubsubclient.worker", "billing:app")
    shop = start("outbox", "shop.py", str(ORDERS))
    assert shop.ended() == 0
    shop.wait_for("^order ", ORDERS)
    placed = [int(line[1]) for line in shop.wait_for(r"^order (\d+) placed$")]
    assert placed == [number for number in range(1, ORDERS + 1) if number % 3]
    invoices = billing.wait_for(r"^invoice (\d+): \d+$", len(placed))
    assert billing.end() == 0
    assert sorted(int(line[1]) for line in invoices) == placed
