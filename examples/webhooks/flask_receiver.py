"""Takes webhooks with Flask, and handles them in a worker beside it.

flask --app flask_receiver:web run
python -m pubsubclient.worker flask_receiver:app
"""

import logging

from flask import Flask, request

from pubsubclient import App, InvalidArgument, Topic

pushes: Topic[dict[str, object]] = Topic("webhooks.push", of=dict)
app = App("deployer", publishes=[pushes])
web = Flask(__name__)


@web.post("/webhooks")
def receive() -> tuple[str, int]:
    """Store the webhook; only then is it accepted."""
    try:
        app.publish(pushes, request.get_json())
    except InvalidArgument as error:
        return str(error), 422
    return "", 202


@app.handler(pushes, max_attempts=10)
def deploy(push: dict[str, object]) -> None:
    """Do what takes long, and may fail."""
    logging.info("deploy %s: %d commits", push["repository"], push["commits"])
