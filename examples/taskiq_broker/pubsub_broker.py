"""A broker for taskiq: tasks are events of one topic, and a worker of the SDK keeps their leases while taskiq runs them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from taskiq import AckableMessage, AsyncBroker, BrokerMessage

from pubsubclient import App


class PubSubBroker(AsyncBroker):
    """Sends tasks to the topic `name`, and receives them as the subscriber `name`; `options` are those of `App.handler`."""

    def __init__(self, name: str, **options: object) -> None:
        super().__init__()
        self.app = App(name)
        self.options = options
        self.worker = None

    async def kick(self, message: BrokerMessage) -> None:
        delay = message.labels.get("delay")
        event = {"type": message.task_name, "delay": None if delay is None else float(delay)}
        await asyncio.to_thread(self.app.publish, self.app.name, message.message, **event)

    async def listen(self) -> AsyncGenerator[AckableMessage, None]:
        loop, received = asyncio.get_running_loop(), asyncio.Queue[AckableMessage]()

        async def hand_over(data: bytes) -> None:
            """Return when taskiq acknowledges; until then the worker, whose loop this runs in, extends the lease."""
            own_loop, done = asyncio.get_running_loop(), asyncio.Event()
            message = AckableMessage(data=data, ack=lambda: own_loop.call_soon_threadsafe(done.set))
            loop.call_soon_threadsafe(received.put_nowait, message)
            await done.wait()

        app = App(self.app.name)
        app.handler(app.name, start="earliest", **self.options)(hand_over)
        self.worker = app.worker(drain_timeout=1)  # what taskiq has not run until then is given back
        self.worker.start()
        while True:
            try:  # taskiq notices a signal when its loop wakes up, so let it wake up each second
                message = await asyncio.wait_for(received.get(), 1)
            except asyncio.TimeoutError:
                continue
            yield message

    async def shutdown(self) -> None:
        if self.worker is not None:
            self.worker.stop()
            await asyncio.to_thread(self.worker.join)
        await super().shutdown()
