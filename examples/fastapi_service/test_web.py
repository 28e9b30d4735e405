"""Tests of the web application and its handlers: the service runs in the test's process."""

from collections.abc import Iterator

import billing
import pytest
import web
from fastapi.testclient import TestClient

from pubsubclient.testing import Local


@pytest.fixture
def client(pubsub: Local) -> Iterator[TestClient]:
    """The application between its start and its end."""
    assert pubsub.published("orders") == []
    with TestClient(web.web) as client:
        yield client


def test_an_order_is_published_and_charged(client: TestClient, pubsub: Local, caplog: pytest.LogCaptureFixture) -> None:
    assert client.post("/orders", json={"number": 17, "amount": 5}).status_code == 202
    assert client.get("/orders").json() == [{"number": 17, "amount": 5.0}]
    caplog.set_level("INFO")
    pubsub.deliver(billing.app)
    assert "charged order 17" in caplog.text


def test_what_is_no_order_is_refused(client: TestClient, pubsub: Local) -> None:
    assert client.post("/orders", json={"number": "x"}).status_code == 422
    assert pubsub.published("orders") == []


def test_an_order_that_cannot_be_stored_is_not_accepted(client: TestClient, pubsub: Local) -> None:
    pubsub.fail("publish", status=422, times=1)
    assert client.post("/orders", json={"number": 17, "amount": 5}).status_code == 422
