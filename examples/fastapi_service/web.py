"""Takes orders with FastAPI, publishes them with asyncio, and shows them as they come to whoever listens.

uvicorn web:web
python -m pubsubclient.worker billing:app
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse

from messages import Order, orders
from pubsubclient.aio import Publisher, PublishError, peek


@asynccontextmanager
async def lifespan(web: FastAPI) -> AsyncIterator[None]:
    """Open the publisher as long as the web application runs."""
    async with Publisher("web") as publisher:
        web.state.publisher = publisher
        yield


web = FastAPI(lifespan=lifespan)


@web.post("/orders", status_code=202)
async def place(order: Order, request: Request) -> dict[str, str]:
    """Store the order; only then is it accepted."""
    publisher: Publisher = request.app.state.publisher
    try:
        receipt = await publisher.publish(orders, order, type="order.placed")
    except PublishError as error:
        raise HTTPException(503 if error.retryable else 422, str(error)) from error
    return {"id": receipt.id}


@web.get("/orders")
async def newest(count: int = 10) -> list[Order]:
    """Return the newest orders."""
    return [Order.model_validate(event.data) for event in (await peek(orders, last=count)).events]


@web.get("/orders/stream")
async def stream() -> StreamingResponse:
    """Send each order as it comes, as server-sent events. When the browser leaves, the wait is cancelled."""
    looked = await peek(orders)

    async def lines() -> AsyncIterator[str]:
        async for event in looked.follow():
            yield f"id: {event.sequence}\ndata: {Order.model_validate(event.data).model_dump_json()}\n\n"

    return StreamingResponse(lines(), media_type="text/event-stream")
