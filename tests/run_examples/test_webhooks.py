"""The receivers of examples/webhooks: with FastAPI and Flask, with the worker beside and in the process; and their tests."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
import requests

from run_examples.programs import Program, check_tests_pass

#: how the receivers are started, and the line that says where each listens
RECEIVERS = {
    "fastapi_receiver": ("-m", "uvicorn", "--port", "0", "fastapi_receiver:web"),
    "fastapi_one_process": ("-m", "uvicorn", "--port", "0", "fastapi_one_process:web"),
    "flask_receiver": ("-m", "flask", "--app", "flask_receiver:web", "run", "--port", "0"),
    "flask_one_process": ("flask_one_process.py", "0"),
}
_ADDRESS = r"http://127\.0\.0\.1:[1-9]\d*"


@pytest.mark.parametrize("receiver", RECEIVERS)
def test_a_webhook_is_stored_and_handled(receiver: str, start: Callable[..., Program]) -> None:
    """By the worker beside the receiver, or by the one in it."""
    web = start("webhooks", *RECEIVERS[receiver])
    beside = receiver.endswith("_receiver")
    worker = start("webhooks", "-m", "pubsubclient.worker", f"{receiver}:app") if beside else web
    url = f"{web.wait_for(_ADDRESS)[0][0]}/webhooks"
    accepted = requests.post(url, json={"repository": "shop", "commits": 2}, timeout=30)
    assert accepted.status_code == 202
    assert requests.post(url, json=["shop"], timeout=30).status_code == 422
    worker.wait_for("deploy shop: 2 commits")
    # uvicorn ends in good order, and then by the signal that it got
    assert worker.end() in ({0, -signal.SIGTERM} if receiver == "fastapi_one_process" else {0})


@pytest.mark.parametrize("name", ["fastapi", "flask"])
def test_the_tests_of_the_receivers_pass(name: str) -> None:
    """Without any server."""
    check_tests_pass("webhooks", f"test_{name}_receiver.py")
