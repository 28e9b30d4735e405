"""What is tried again, how long, and what is not."""

from __future__ import annotations

import re
import socket
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
import requests
from requests.adapters import BaseAdapter

import pubsubclient
from pubsubclient import (
    ConfigurationError,
    Forbidden,
    NotFound,
    Publisher,
    Service,
    ServiceError,
    Subscriber,
    Unavailable,
)
from unit.sdk.clocks import Moved
from unit.sdk.scripted import BREAK_OFF, CUT, HANG, TRUNCATE, Reply, ScriptedService, problem


@pytest.mark.parametrize(
    "failure",
    [
        BREAK_OFF,
        TRUNCATE,
        CUT,
        HANG,
        problem(429, "too_many"),
        problem(500, "internal"),
        problem(503, "contended"),
        Reply(b"<html>Bad gateway</html>", 502, {"Content-Type": "text/html"}),
        Reply(b"", 504),
    ],
    ids=[
        "broken off",
        "truncated",
        "cut in its headers",
        "timed out",
        "429",
        "500",
        "503",
        "502 in HTML",
        "504 without a body",
    ],
)
def test_what_another_try_may_mend_is_tried_again(server: ScriptedService, failure: object) -> None:
    """With the same request."""
    server.script("register", failure, failure)  # type: ignore[arg-type]
    Publisher("shop", service=Service(server.url, read_timeout_s=0.3 if failure == HANG else 30))
    assert server.calls("register") == [{"publisher": "shop"}] * 3


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 415, 422])
def test_what_the_service_has_judged_is_not_tried_again(server: ScriptedService, service: Service, status: int) -> None:
    """It would say the same."""
    server.script("register", problem(status, "no", "It cannot be."))
    with pytest.raises(ServiceError, match=re.escape(f"register: It cannot be. ({status} no)")) as raised:
        Publisher("shop", service=service)
    assert (raised.value.status, raised.value.code, raised.value.detail) == (status, "no", "It cannot be.")
    assert not raised.value.uncertain
    assert len(server.calls("register")) == 1


def test_the_service_is_left_alone_as_long_as_it_asks(server: ScriptedService, service: Service) -> None:
    """Retry-After in seconds."""
    server.script("register", Reply({}, 503, {"Retry-After": "1"}))
    started = time.monotonic()
    Publisher("shop", service=service)
    assert time.monotonic() - started >= 1
    assert len(server.calls("register")) == 2


def test_a_date_until_which_to_wait_is_understood(server: ScriptedService, service: Service) -> None:
    """Retry-After as a date; this one is over."""
    gone = format_datetime(datetime.now(timezone.utc) - timedelta(seconds=60), usegmt=True)
    server.script("register", Reply({}, 503, {"Retry-After": gone}), Reply({}, 503, {"Retry-After": "soon"}))
    Publisher("shop", service=service)
    assert len(server.calls("register")) == 3


def test_a_wait_beyond_the_deadline_is_not_waited_for(server: ScriptedService, service: Service) -> None:
    """The error comes at once."""
    server.script("register", Reply({}, 503, {"Retry-After": "3600"}))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        Publisher("shop", service=service)
    assert time.monotonic() - started < 10
    assert len(server.calls("register")) == 1


def test_one_deadline_covers_all_tries(server: ScriptedService) -> None:
    """And the error tells what happened."""
    server.script("register", *[problem(503, "contended", "Too many at once.")] * 100)
    with pytest.raises(Unavailable) as raised:
        Publisher("shop", service=Service(server.url, deadline_s=60.0, clock=Moved()))
    error = raised.value
    assert error.tries == len(server.calls("register")) > 1
    assert error.elapsed_s < 61  # the pauses take no time, and the last try what a loaded machine takes
    assert error.uncertain
    assert isinstance(error.last, ServiceError)
    assert error.last.code == "contended"
    assert error.__cause__ is error.last
    assert f"register: no response from {server.url}/register in {error.elapsed_s:.1f} s, {error.tries} tries" in str(
        error
    )
    assert "Too many at once. (503 contended)" in str(error)


def test_a_service_that_hangs_ends_at_the_deadline(server: ScriptedService) -> None:
    """However long a try might take."""
    server.script("register", HANG)
    started = time.monotonic()
    with pytest.raises(Unavailable) as raised:
        Publisher("shop", service=Service(server.url, deadline_s=0.3, read_timeout_s=30))
    assert time.monotonic() - started < 10
    assert raised.value.uncertain


def test_a_service_that_is_not_there_cannot_have_done_anything() -> None:
    """Nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(Unavailable) as raised:
            Publisher("shop", service=Service(url, deadline_s=0.2))
    assert not raised.value.uncertain
    assert raised.value.tries > 1


def test_a_host_without_an_address_cannot_have_done_anything() -> None:
    """Names are looked up again, too: they may come."""
    with pytest.raises(Unavailable) as raised:
        Publisher("shop", service=Service("http://nowhere.invalid", deadline_s=0.2))
    assert not raised.value.uncertain


def test_an_answer_of_something_else_is_told_as_such(server: ScriptedService, service: Service) -> None:
    """A wrong address, most likely."""
    server.script("register", Reply(b"<html>\n<h1>It works!</h1></html>", 404, {"Content-Type": "text/html"}))
    with pytest.raises(NotFound) as raised:
        Publisher("shop", service=service)
    assert raised.value.code == "http_404"
    assert f"is {server.url}/register its address?" in str(raised.value)
    assert "<html> <h1>It works!</h1></html>" in str(raised.value)


def test_a_refusal_of_the_platform_is_forbidden(server: ScriptedService, service: Service) -> None:
    """It knows no problem details."""
    server.script("register", Reply(b"x" * 1000, 403, {"Content-Type": "text/plain"}))
    with pytest.raises(Forbidden) as raised:
        Publisher("shop", service=service)
    assert raised.value.code == "http_403"
    assert len(str(raised.value)) < 400


def test_redirects_are_not_followed(server: ScriptedService, service: Service) -> None:
    """A POST would arrive as a GET, or elsewhere."""
    server.script("register", Reply(b"", 308, {"Location": "https://elsewhere.example/"}))
    with pytest.raises(ServiceError, match=r"redirected to https://elsewhere.example/; redirects are not followed"):
        Publisher("shop", service=service)
    assert len(server.asked) == 1


def test_a_success_that_is_not_json_is_told_as_such(server: ScriptedService, service: Service) -> None:
    """A captive portal answers 200, too."""
    server.script("register", Reply(b"<html>Log in</html>", 200, {"Content-Type": "text/html"}))
    with pytest.raises(ServiceError, match=r"a JSON object was expected; got .text/html. '<html>Log in") as raised:
        Publisher("shop", service=service)
    assert raised.value.code == "bad_answer"
    assert raised.value.uncertain


def test_problem_details_may_lack_what_is_optional(server: ScriptedService, service: Service) -> None:
    """A code is enough."""
    server.script("register", Reply({"code": "no", "title": "Not so"}, 400), Reply({"code": "no"}, 400))
    for says in ("Not so", "Bad Request"):
        with pytest.raises(ServiceError) as raised:
            Publisher("shop", service=service)
        assert raised.value.detail == says


def test_a_connection_that_the_server_closed_while_idle_is_made_anew(server: ScriptedService, service: Service) -> None:
    """Without a word."""
    publisher = Publisher("shop", service=service)
    server.script("publish", Reply({"events": []}, headers={"Connection": "close"}))
    with pytest.raises(pubsubclient.PublishUnknown):
        publisher.publish("orders")
    publisher.publish("orders")
    assert len(server.calls("publish")) == 2


class Recording(BaseAdapter):
    """An adapter that answers by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, str]] = []
        self.closed = False

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        self.sent.append((str(request.method), str(request.url)))
        response = requests.Response()
        response.status_code = 200
        response._content = b"{}"
        response.headers["X-Store-Time"] = "1700000000000000"
        return response

    def close(self) -> None:
        self.closed = True


def test_everything_goes_through_the_given_adapter() -> None:
    """As in tests that call the functions in their own process."""
    adapter = Recording()
    pubsubclient.configure("http://in.process", adapter=adapter)
    Publisher("shop")
    subscriber = Subscriber("billing", service=Service("http://other", adapter=adapter))
    subscriber.subscribe("orders")
    subscriber.unsubscribe("orders")
    subscriber.get_events()
    assert adapter.sent == [
        ("POST", "http://in.process/register"),
        ("POST", "http://other/register"),
        ("POST", "http://other/subscribe"),
        ("DELETE", "http://other/subscribe"),
        ("POST", "http://other/get_events"),
    ]


def test_a_request_that_cannot_be_made_is_a_matter_of_configuration() -> None:
    """Here: an adapter that does not take the URL."""

    class Refusing(Recording):
        def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
            raise requests.exceptions.InvalidURL("no such place")

    with pytest.raises(ConfigurationError, match=r"http://in.process/register cannot be called: no such place"):
        Publisher("shop", service=Service("http://in.process", adapter=Refusing()))


def test_a_certificate_that_is_not_trusted_is_not_tried_again() -> None:
    """It will not be, a second later."""

    class Untrusting(Recording):
        def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
            super().send(request)
            raise requests.exceptions.SSLError("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")

    adapter = Untrusting()
    with pytest.raises(ConfigurationError, match=r"The certificate of https://a.example/register is not trusted"):
        Publisher("shop", service=Service("https://a.example", adapter=adapter))
    assert len(adapter.sent) == 1
