"""The FastAPI service of examples/fastapi_service: with a worker beside it and in its process; and its tests."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
import requests

from run_examples.programs import Program, check_tests_pass

_ADDRESS = r"http://127\.0\.0\.1:[1-9]\d*"


@pytest.mark.parametrize("program", ["web", "one_process"])
def test_an_order_is_stored_shown_and_charged(program: str, start: Callable[..., Program]) -> None:
    """Both programs end in good order, also while a browser listens."""
    web = start("fastapi_service", "-m", "uvicorn", "--port", "0", f"{program}:web")
    beside = program == "web"
    worker = start("fastapi_service", "-m", "pubsubclient.worker", "billing:app") if beside else web
    url = f"{web.wait_for(_ADDRESS)[0][0]}/orders"
    listening = requests.get(f"{url}/stream", stream=True, timeout=60) if beside else None
    accepted = requests.post(url, json={"number": 17, "amount": 5}, timeout=60)
    assert accepted.status_code == 202
    assert requests.get(url, timeout=60).json() == [{"number": 17, "amount": 5.0}]
    if listening is not None:
        lines = listening.iter_lines(decode_unicode=True)
        assert [next(lines), next(lines)][1] == 'data: {"number":17,"amount":5.0}'
        listening.close()
    worker.wait_for("charged order 17")
    if beside:
        assert worker.end() == 0
    # uvicorn ends in good order, and then by the signal that it got
    assert web.end() in {0, -signal.SIGTERM}


def test_its_tests_pass() -> None:
    """Without any server."""
    check_tests_pass("fastapi_service", "test_web.py")
