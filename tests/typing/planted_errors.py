"""Mistakes that a type checker has to find; read by mypy, never run. Each line with a mistake names the error's code."""

from __future__ import annotations

from dataclasses import dataclass

from pubsubclient import App, Event, Publisher, Topic


@dataclass
class Order:
    number: int
    amount: float


orders: Topic[Order] = Topic("orders", of=Order)
app = App("billing")

app.publish(orders, {"number": 1})  # expect: misc
Event(orders, 1)  # expect: misc
with Publisher("shop").batch() as batch:
    batch.publish(orders, "1")  # expect: misc


@app.handler(orders)  # expect: arg-type
def charge(order: int) -> None: ...


@app.handler(orders, batch=10)  # expect: arg-type
def charge_all(order: Order) -> None: ...


wrong: Topic[int] = Topic("orders", of=Order)  # expect: arg-type
app.handler(orders, max_attempts="5")  # expect: call-overload
app.run(threads=8)  # expect: call-arg


# none of these is one
app.publish(orders, Order(1, 2.0), subject="1", delay=3)
Event(orders, Order(1, 2.0), type="order.placed")
app.publish("orders", {"number": 1})
app.publish(Topic("orders"), [1])
app.publish(Event("orders"))
united: Topic[Order | int] = Topic("orders", of=Order | int)


@app.handler(orders, batch=10)
def charge_many(batch: list[Order]) -> None: ...


@app.handler(orders)
async def watch(event: Event) -> None: ...


@app.handler(orders, type="x")
def take(order: object) -> int:
    return 1


@app.handler("orders.*")
def count() -> None: ...
