"""The receiver with its worker in the same process: uvicorn fastapi_one_process:web"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi_receiver import app, receive

logging.basicConfig(level=logging.INFO)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Handle events as long as the web application runs."""
    worker = app.worker(concurrency=2)
    worker.start()
    yield
    worker.stop()
    await asyncio.to_thread(worker.join, 30)


web = FastAPI(lifespan=lifespan)
web.post("/webhooks", status_code=202)(receive)
