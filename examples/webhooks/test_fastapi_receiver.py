"""Tests of the receiver: the service runs in the test's process, and the handlers in the test's thread."""

import fastapi_receiver
import pytest
from fastapi.testclient import TestClient

from pubsubclient.testing import Local

client = TestClient(fastapi_receiver.web)


def test_a_webhook_is_deployed(pubsub: Local, caplog: pytest.LogCaptureFixture) -> None:
    assert client.post("/webhooks", json={"repository": "shop", "commits": 2}).status_code == 202
    caplog.set_level("INFO")
    pubsub.deliver(fastapi_receiver.app)
    assert "deploy shop: 2 commits" in caplog.text


def test_what_is_no_push_is_refused(pubsub: Local) -> None:
    assert client.post("/webhooks", json={"repository": "shop"}).status_code == 422
    assert pubsub.published("webhooks.push") == []
