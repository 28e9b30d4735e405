"""Orders, and invoices: one an order."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    number = models.IntegerField(primary_key=True)
    amount = models.IntegerField()

    def __str__(self) -> str:
        return f"order {self.number}"


class Invoice(models.Model):
    order = models.OneToOneField(Order, on_delete=models.CASCADE)
    mailed = models.BooleanField(default=False)

    def __str__(self) -> str:
        return f"invoice of {self.order}"
