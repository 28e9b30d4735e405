"""`pubsub console`: the page on this machine, and its calls passed on to a service with the caller's credentials."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests
from playwright.sync_api import expect

from auth.loopback import Answer, Loopback
from auth.people import another_issuer
from pubsub_emulator.console.relay import Relay
from pubsub_emulator.emulator import Emulator
from pubsub_emulator.issuer import AUDIENCE, ISSUER, Issuer
from pubsub_emulator.sqlite.ephemeral import EphemeralStore
from pubsubclient import IdentityError, Publisher, Service, Subscriber
from pubsubclient._http import passing_on
from pubsubservice.api.identity import Identity, Trust
from pubsubservice.core.runtime import SystemRuntime

from .conftest import Windows

_JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    """Whom the service believes."""
    return another_issuer()


@pytest.fixture
def alice(issuer: Issuer) -> str:
    """A token of Alice."""
    return issuer.token(subject="alice")


@pytest.fixture
def service(issuer: Issuer, alice: str) -> Iterator[Service]:
    """A service that knows its callers, as one in the cloud does, and has no console of its own; called by Alice."""
    store = EphemeralStore()
    identity = Identity(Trust(frozenset({AUDIENCE}), frozenset(), ISSUER), issuer.keys.get, SystemRuntime())
    with Emulator(store, identity=identity, console=False) as serving:
        yield Service(serving.url, identity=alice)
    store.close()


@pytest.fixture
def fake() -> Iterator[Loopback]:
    """Something that responds as it is told, and remembers what it was asked."""
    running = Loopback()
    running.answer("/register", Answer({"names": []}))
    yield running
    running.close()


@contextmanager
def _relayed(service: Service | str) -> Iterator[str]:
    """The base URL of a console of `service`."""
    with Relay(Service(service) if isinstance(service, str) else service) as relay:
        yield relay.url


def test_the_browser_never_sees_the_credentials_that_its_calls_are_made_with(
    service: Service, alice: str, windows: Windows
) -> None:
    """The service knows who calls, and nothing that the browser gets has the token."""
    with _relayed(service) as url:
        page = windows.open(url)
        expect(page.locator("h1").first).to_be_visible()
        seen = page.evaluate(
            """async () => {
                const headers = {"Content-Type": "application/json"};
                const responses = await Promise.all([
                    fetch("register", {method: "POST", headers, body: '{"subscriber": "billing"}'}),
                    fetch("register?subscriber="),
                    fetch("console/console.css"),
                ]);
                const texts = await Promise.all(responses.map((r) => r.text()));
                return [responses.map((r) => r.status), texts.join(), responses.flatMap((r) => [...r.headers]).join()];
            }"""
        )
        statuses, *texts = seen
        windows.close()
    assert statuses == [201, 200, 200]
    assert not any(alice in text for text in texts)
    anonymous = requests.post(service.urls["register"], json={"subscriber": "billing"}, timeout=30)
    assert (anonymous.status_code, anonymous.json()["code"]) == (403, "not_owner")


def test_a_page_shows_what_the_token_of_its_reader_may_see(
    service: Service, issuer: Issuer, alice: str, windows: Windows
) -> None:
    """Alice has a subscriber. Without a token, with Bob's and with nonsense the page says why it is not shown."""
    Publisher("shop", service=service).publish("orders", {"number": 17})
    Subscriber("billing", service=service).subscribe("orders", start="earliest")
    windows.allow("status of 40[13]")
    with _relayed(service.urls["register"].removesuffix("/register")) as url:
        page = windows.open(f"{url}/#/subscribers/billing")
        fault, backlog = page.locator(".faults"), page.locator(".tiles div", has_text="Backlog")
        expect(fault).to_contain_text("Not yours: The subscriber 'billing' was registered by another identity")
        fault.get_by_role("button", name="Use a token").click()
        page.get_by_label("ID token").fill(alice)
        page.get_by_role("button", name="Use it").click()
        expect(backlog).to_contain_text("1")
        expect(fault).to_be_empty()
        for token, said in ((issuer.token(subject="bob"), "Not yours"), ("nonsense", "Not let in")):
            page.get_by_role("button", name="Token set").click()
            page.get_by_label("ID token").fill(token)
            page.get_by_role("button", name="Use it").click()
            expect(fault).to_contain_text(said)
            expect(backlog).to_have_count(0)
        page.goto("about:blank")
        page.goto(f"{url}/#token={alice}")
        page.get_by_role("link", name="Subscribers").click()
        expect(page.get_by_role("row", name="billing")).to_be_visible()
        assert alice not in page.url
        windows.close()


def test_responses_are_passed_back_as_they_are(service: Service, alice: str) -> None:
    """Bodies byte for byte, numbers as they were written, problems with their codes, what each cost."""
    Publisher("shop", service=service)
    event = '{"specversion":"1.0","id":"1","source":"/a","type":"x","data":{"a":1.0,"b":1e300,"c":202201180000000014}}'
    body = f'{{"topic":"orders","publisher":"shop","events":[{event}]}}'
    token = {"X-Pubsub-Token": alice}
    with _relayed(service) as url:
        assert requests.post(f"{url}/publish", data=body, headers=_JSON, timeout=30).status_code == 200
        for path in (
            "get_events?topic=orders&last=10",
            "register?subscriber=nobody",
            "register?topic=orders",
            "register?x=1",
        ):
            passed = requests.get(f"{url}/{path}", timeout=30)
            direct = requests.get(service.store.replace("publish", path), headers=token, timeout=30)
            assert (passed.status_code, passed.content) == (direct.status_code, direct.content)
            for header in (
                "Content-Type",
                "X-Store-Ops",
                "X-Service-Version",
                "X-Content-Type-Options",
                "Cache-Control",
            ):
                assert passed.headers[header] == direct.headers[header], header
        assert (
            event.partition('"data":')[2].rstrip("}")
            in requests.get(f"{url}/get_events?topic=orders&last=10", timeout=30).text
        )
        assert requests.get(f"{url}/meter", timeout=30).json()["calls"]["publish"]["calls"] == 1


def test_a_poll_is_held_until_an_event_comes(service: Service) -> None:
    """As at the service itself."""
    publisher = Publisher("shop", service=service)
    publisher.publish("orders", {"n": 0})
    with _relayed(service) as url, ThreadPoolExecutor(1) as pool:
        begun = requests.get(f"{url}/get_events?topic=orders", timeout=30).json()
        poll = {"cursor": begun["cursor"], "wait_s": 20}
        waiting = pool.submit(requests.get, f"{url}/get_events", params=poll, timeout=60)
        publisher.publish("orders", {"n": 1})
        assert [event["data"] for event in waiting.result().json()["events"]] == [{"n": 1}]


@pytest.mark.parametrize(
    "path", ["expire", "openapi.json", "healthz", "register/x", "../register", "~1/register", "nope"]
)
def test_nothing_but_the_functions_is_passed_on(fake: Loopback, path: str) -> None:
    """The service is not asked."""
    with _relayed(fake.url) as url:
        request = requests.Request("POST", url, json={}).prepare()
        request.url = f"{url}/{path}"  # as it is: `requests` would resolve the dots
        refused = requests.Session().send(request, timeout=30)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert fake.asked == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "CONNECT2"])
def test_other_methods_are_not_passed_on(fake: Loopback, method: str) -> None:
    """The response says which ones are."""
    with _relayed(fake.url) as url:
        refused = requests.request(method, f"{url}/register", timeout=30)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, POST, DELETE")
    assert fake.asked == []


def test_what_else_the_browser_sends_and_gets_is_left_out(fake: Loopback) -> None:
    """Cookies of other programs on this machine, and headers that would open the page to others."""
    opened = {"Set-Cookie": "a=1", "Access-Control-Allow-Origin": "*", "X-Store-Ops": "reads=1, writes=0, deletes=0"}
    fake.answer("/register", Answer({"names": []}, {**opened, "Content-Type": "application/json"}))
    with _relayed(fake.url) as url:
        headers = {
            "Cookie": "a=1",
            "Authorization": "Bearer a",
            "X-Serverless-Authorization": "b",
            "X-Pubsub-Console": "1",
        }
        response = requests.get(f"{url}/register?topic=&page_size=2", headers=headers, timeout=30)
    (asked,) = fake.asked
    assert asked.query == {"page_size": ["2"]}
    assert not {"Cookie", "Authorization", "X-Serverless-Authorization"} & set(asked.headers)
    assert (asked.headers["X-Pubsub-Console"], asked.headers["User-Agent"].split("/")[0]) == ("1", "pubsubclient")
    assert not {"Set-Cookie", "Access-Control-Allow-Origin"} & set(response.headers)
    assert response.headers["X-Store-Ops"] == opened["X-Store-Ops"]


def test_a_token_of_the_page_is_sent_in_place_of_the_callers(fake: Loopback) -> None:
    """Cloud Run still gets the caller's."""
    with _relayed(Service(fake.url, identity="mine")) as url:
        requests.get(f"{url}/register?topic=", headers={"X-Pubsub-Token": "typed"}, timeout=30)
    sent = fake.asked[0].headers
    assert (sent["X-Pubsub-Token"], sent["X-Serverless-Authorization"]) == ("typed", "Bearer mine")


def test_the_meter_gets_no_credentials(fake: Loopback) -> None:
    """It is no function: nobody is asked who calls, and a service without one says so."""
    with _relayed(Service(fake.url, identity="mine")) as url:
        absent = requests.get(f"{url}/meter", timeout=30)
    assert not {"X-Pubsub-Token", "X-Serverless-Authorization"} & set(fake.asked[0].headers)
    assert absent.status_code == 404


def _problem(response: requests.Response) -> tuple[int, str, str]:
    assert response.headers["Content-Type"] == "application/problem+json"
    problem = response.json()
    return problem["status"], problem["code"], problem["detail"]


def test_a_token_is_not_sent_unencrypted_to_another_machine() -> None:
    """192.0.2.1 is nobody's (RFC 5737); nothing is sent there."""
    with _relayed("http://192.0.2.1") as url:
        refused = requests.get(f"{url}/register?topic=", headers={"X-Pubsub-Token": "typed"}, timeout=30)
    status, code, detail = _problem(refused)
    assert (status, code) == (502, "service_unreachable")
    assert "over https:// only" in detail


def test_a_service_that_is_away_is_a_problem_that_says_so() -> None:
    """At once, with its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with _relayed(f"http://127.0.0.1:{port}") as url:
        status, code, detail = _problem(requests.get(f"{url}/register?topic=", timeout=30))
    assert (status, code) == (502, "service_unreachable")
    assert f"connection refused at http://127.0.0.1:{port}" in detail


def test_a_caller_without_credentials_is_told_what_is_missing(fake: Loopback) -> None:
    """As the SDK would; the service is not asked."""

    class Nobody:
        def headers(self, function: str, url: str) -> dict[str, str]:
            raise IdentityError("no credentials were found: gcloud auth application-default login")

    with _relayed(Service(fake.url, identity=Nobody())) as url:
        status, code, detail = _problem(requests.get(f"{url}/register?topic=", timeout=30))
    assert (status, code, fake.asked) == (502, "service_unreachable", [])
    assert "gcloud auth application-default login" in detail


@pytest.mark.parametrize(
    "sent", [b"", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{"]
)
def test_a_service_that_does_not_respond_in_time_is_a_problem_that_says_so(
    sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it says nothing, or begins and does not end."""
    monkeypatch.setattr(passing_on, "_CALL_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:

        def begin() -> socket.socket:
            connected, _ = silent.accept()
            connected.sendall(sent)
            return connected

        with _relayed(f"http://127.0.0.1:{silent.getsockname()[1]}") as url, ThreadPoolExecutor(1) as pool:
            accepted = pool.submit(begin)
            status, code, detail = _problem(requests.get(f"{url}/register?topic=", timeout=60))
            accepted.result().close()
    assert (status, code) == (504, "service_too_late")
    assert detail.endswith("/register did not respond within 0.5 s")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (Answer(raw=b"<h1>Forbidden</h1>", status=403, headers={"Content-Type": "text/html"}), "may the caller invoke"),
        (Answer(raw=b"<script>", headers={"Content-Type": "text/html"}), "is its address right?"),
        (
            Answer(raw=b"", status=302, headers={"Location": "https://elsewhere.example", "Content-Type": "a/b"}),
            "responded 302",
        ),
        (Answer({"names": []}, {"Content-Encoding": "gzip"}), "it is encoded"),
        (Answer({"names": ["a" * 1_000]}), "larger than"),
    ],
    ids=["refused by Cloud Run", "a web page", "a redirect", "compressed", "too large"],
)
def test_what_is_not_the_services_own_is_not_passed_back(
    fake: Loopback, answer: Answer, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A browser would take it for ours."""
    monkeypatch.setattr(passing_on, "_MAX_BYTES", 500)
    headers = {"Content-Type": "application/json", **answer.headers}
    fake.answer("/register", answer._replace(headers=headers))
    with _relayed(fake.url) as url:
        status, code, detail = _problem(requests.get(f"{url}/register?topic=", timeout=30))
    assert (status, code) == (502, "service_unreachable")
    assert says in detail


def test_a_request_that_is_too_large_does_not_reach_the_service(fake: Loopback) -> None:
    """The service would refuse it too."""
    with _relayed(fake.url) as url:
        refused = requests.post(f"{url}/publish", data=b" " * (5 << 20), headers=_JSON, timeout=60)
    assert refused.status_code == 413
    assert fake.asked == []


def test_each_call_is_made_once(fake: Loopback) -> None:
    """Whoever made it decides whether to make it again."""
    fake.answer("/publish", Answer({"code": "store_unavailable"}, {"Content-Type": "application/problem+json"}, 503))
    with _relayed(fake.url) as url:
        assert requests.post(f"{url}/publish", json={}, timeout=30).status_code == 503
    assert len(fake.asked) == 1


def test_its_end_cuts_polls_and_lets_writes_finish(fake: Loopback) -> None:
    """Nothing is left open, and what may take effect is answered."""
    asked = {"get_events": threading.Event(), "publish": threading.Event()}
    go_on = threading.Event()

    def held(name: str) -> Callable[[object], Answer]:
        def respond(_: object) -> Answer:
            asked[name].set()
            go_on.wait(60)
            return Answer({"events": []}, {"Content-Type": "application/json"})

        return respond

    for name in asked:
        fake.answer(f"/{name}", held(name))
    relay = Relay(Service(fake.url))
    with ThreadPoolExecutor(3) as pool:
        poll = pool.submit(requests.get, f"{relay.url}/get_events?topic=t&wait_s=20", timeout=60)
        write = pool.submit(requests.post, f"{relay.url}/publish", json={}, timeout=60)
        assert all(event.wait(60) for event in asked.values())
        closing = pool.submit(relay.close, 60)
        assert poll.result(60).status_code == 504  # while the service still holds it
        assert not write.done()
        go_on.set()
        assert json.loads(write.result(60).content) == {"events": []}
        closing.result(60)
