"""Takes webhooks with FastAPI, and handles them in a worker beside it.

uvicorn fastapi_receiver:web
python -m pubsubclient.worker fastapi_receiver:app
"""

import logging

from fastapi import FastAPI
from pydantic import BaseModel

from pubsubclient import App, Topic


class Push(BaseModel):
    """What the sender of webhooks says."""

    repository: str
    commits: int


pushes: Topic[Push] = Topic("webhooks.push", of=Push)
app = App("deployer", publishes=[pushes])
web = FastAPI()


@web.post("/webhooks", status_code=202)
def receive(push: Push) -> None:
    """Store the webhook; only then is it accepted."""
    app.publish(pushes, push)


@app.handler(pushes, max_attempts=10)
def deploy(push: Push) -> None:
    """Do what takes long, and may fail."""
    logging.info("deploy %s: %d commits", push.repository, push.commits)
