"""Tests of the receiver: the service runs in the test's process, and the handlers in the test's thread."""

import flask_receiver
import pytest

from pubsubclient.testing import Local

client = flask_receiver.web.test_client()


def test_a_webhook_is_deployed(pubsub: Local, caplog: pytest.LogCaptureFixture) -> None:
    assert client.post("/webhooks", json={"repository": "shop", "commits": 2}).status_code == 202
    caplog.set_level("INFO")
    pubsub.deliver(flask_receiver.app)
    assert "deploy shop: 2 commits" in caplog.text


def test_what_is_no_push_is_refused(pubsub: Local) -> None:
    assert client.post("/webhooks", json=["shop"]).status_code == 422
    assert pubsub.published("webhooks.push") == []


def test_a_push_that_cannot_be_deployed_becomes_a_dead_letter(pubsub: Local) -> None:
    client.post("/webhooks", json={"repository": "shop"})
    pubsub.deliver(flask_receiver.app, until="settled", errors="keep")
    (letter,) = pubsub.dead_letters("deployer")
    assert (letter.attempts, letter.reason) == (10, "KeyError: 'commits'")
