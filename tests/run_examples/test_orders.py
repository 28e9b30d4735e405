"""The order pipeline of examples/orders: three programs, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from run_examples.programs import Program

ORDERS = 12


def test_each_order_is_charged_and_shipped_once(start: Callable[..., Program]) -> None:
    """Also those at which the bank was busy."""
    consumers = billing, shipping = start("orders", "billing.py"), start("orders", "shipping.py")
    start("orders", "shop.py", str(ORDERS)).wait_for(f"^placed {ORDERS} orders$")
    shipped = shipping.wait_for(r"shipped order (\d+) to (\S+) for (\S+)$", ORDERS)
    charged = billing.wait_for(r"charged order (\d+)$", ORDERS)
    assert [program.end() for program in consumers] == [0, 0]
    numbers = range(1, ORDERS + 1)
    assert sorted(int(line[1]) for line in charged) == list(numbers)
    assert sorted((int(line[1]), line[2], Decimal(line[3])) for line in shipped) == [
        (number, f"customer-{number % 3}", Decimal(number) / 4) for number in numbers
    ]
    assert len(billing.wait_for("the bank is busy", ORDERS // 4)) == ORDERS // 4
