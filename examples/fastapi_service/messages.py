"""The topics of this example, and what their events hold."""

from pydantic import BaseModel

from pubsubclient import Topic


class Order(BaseModel):
    """An order as it was placed."""

    number: int
    amount: float


orders: Topic[Order] = Topic("orders", of=Order)
