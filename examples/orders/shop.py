"""Places orders: python shop.py 5"""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from decimal import Decimal

from messages import Order, orders
from pubsubclient import Publisher

shop = Publisher("shop")
with shop.batch() as batch:
    for number in range(1, int(sys.argv[1]) + 1):
        customer = f"customer-{number % 3}"
        order = Order(number, customer, Decimal(number) / 4, datetime.now(timezone.utc))
        batch.publish(orders, order, type="order.placed", subject=customer)
print(f"placed {number} orders")
