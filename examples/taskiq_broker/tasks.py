"""Tasks: `taskiq worker tasks:broker` runs them, `python tasks.py` sends some."""

from __future__ import annotations

import asyncio
from typing import Annotated

from pubsub_broker import PubSubBroker
from taskiq import Context, SimpleRetryMiddleware, TaskiqDepends

broker = PubSubBroker("tasks", ack_deadline=30, max_attempts=5).with_middlewares(SimpleRetryMiddleware())


@broker.task
async def greet(name: str) -> None:
    print(f"hello {name}", flush=True)


@broker.task(retry_on_error=True, max_retries=3)
async def mail(address: str, context: Annotated[Context, TaskiqDepends()]) -> None:
    """Stands for a mail server that is busy at first."""
    if not context.message.labels.get("_retries"):
        raise ConnectionError("the mail server is busy")
    print(f"mail to {address}", flush=True)


async def main() -> None:
    await broker.startup()
    await greet.kicker().with_labels(delay=1).kiq("later")
    await greet.kiq("Ada")
    await mail.kiq("ada@example.com")
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
