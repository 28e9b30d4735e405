"""Places orders, and takes back each third one: python shop.py 5"""

from __future__ import annotations

import sys

from db import outbox, transaction


class SoldOutError(Exception):
    """The order is taken back."""


def place(number: int) -> str:
    try:
        with transaction() as connection:
            connection.execute("INSERT INTO orders VALUES (?, ?)", (number, 10 * number))
            outbox.add(connection, "orders", {"number": number, "amount": 10 * number}, type="order.placed")
            if number % 3 == 0:
                raise SoldOutError  # neither the order nor its event is there
    except SoldOutError:
        return "taken back"
    return "placed"


if __name__ == "__main__":
    for order in range(1, int(sys.argv[1]) + 1):
        print(f"order {order} {place(order)}")
