"""A stand-in for the service's functions, as functions-framework loads it."""

from __future__ import annotations

import json
import time

import flask


def echo(request: flask.Request) -> flask.Response:
    """What arrived, as the function sees it."""
    seen = {
        "path": request.path, "root": request.root_path, "method": request.method, "query": request.query_string.decode(),
        "body": len(request.get_data()),
    }  # fmt: skip
    return flask.Response(json.dumps(seen), content_type="application/json")


def slow(request: flask.Request) -> flask.Response:
    """Answers after a moment."""
    time.sleep(float(request.args["seconds"]))
    return flask.Response(json.dumps({"done": True}), content_type="application/json")


def large(request: flask.Request) -> flask.Response:
    """Answers with many bytes."""
    return flask.Response(b"x" * int(request.args["bytes"]))
