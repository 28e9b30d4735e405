"""What the three programs say to each other: topics, and the types of their data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pubsubclient import Topic


@dataclass
class Order:
    """A customer's order."""

    number: int
    customer: str
    amount: Decimal
    placed: datetime


@dataclass
class Invoice:
    """An order that was charged."""

    order: int
    customer: str
    total: Decimal


orders: Topic[Order] = Topic("orders", of=Order)
invoices: Topic[Invoice] = Topic("invoices", of=Invoice)
