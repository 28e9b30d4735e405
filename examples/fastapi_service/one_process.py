"""The web application with its worker in the same process: uvicorn one_process:web"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from billing import app
from fastapi import FastAPI
from web import lifespan, newest, place

logging.basicConfig(level=logging.INFO)


@asynccontextmanager
async def lifespan_with_worker(web: FastAPI) -> AsyncIterator[None]:
    """Handle orders as long as the web application runs."""
    worker = app.worker(concurrency=2)
    worker.start()
    async with lifespan(web):
        yield
    worker.stop()
    await asyncio.to_thread(worker.join, 30)


web = FastAPI(lifespan=lifespan_with_worker)
web.post("/orders", status_code=202)(place)
web.get("/orders")(newest)
