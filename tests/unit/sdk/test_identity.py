"""Saying who calls: given tokens, and where they are not sent."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import pubsubclient
from pubsubclient import ConfigurationError, Publisher, Service, Subscriber
from pubsubclient._http.config import find_service
from unit.sdk.scripted import BREAK_OFF, ScriptedService

TOKEN_SETTING = "PUBLISH_SUBSCRIBE_TOKEN"


def _sent(server: ScriptedService) -> list[tuple[str | None, str | None]]:
    return [
        (asked.headers.get("X-Serverless-Authorization"), asked.headers.get("X-Pubsub-Token")) for asked in server.asked
    ]


def test_by_default_nothing_says_who_calls(server: ScriptedService) -> None:
    """The caller is anonymous."""
    Publisher("shop", service=server.url)
    assert _sent(server) == [(None, None)]
    assert "Authorization" not in server.asked[0].headers


def test_a_given_token_is_sent_with_every_call(server: ScriptedService) -> None:
    """In both headers, whatever the function."""
    service = Service(server.url, identity="a.b.c")
    Publisher("shop", service=service).publish("orders")
    subscriber = Subscriber("billing", service=service)
    subscriber.subscribe("orders")
    subscriber.get_events()
    assert _sent(server) == [("Bearer a.b.c", "a.b.c")] * 5


def test_the_environment_may_hold_a_token(server: ScriptedService, monkeypatch: pytest.MonkeyPatch) -> None:
    """For services that are found or given by their address; a Service says itself who calls."""
    monkeypatch.setenv(TOKEN_SETTING, " a.b.c\n")
    Publisher("shop", service=server.url)
    Publisher("shop", service=Service(server.url))
    assert _sent(server) == [("Bearer a.b.c", "a.b.c"), (None, None)]


def test_configure_goes_before_the_environment(server: ScriptedService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Configuring nothing undoes it."""
    monkeypatch.setenv(TOKEN_SETTING, "of.the.environment")
    pubsubclient.configure(server.url, identity="configured")
    Publisher("shop")
    pubsubclient.configure(server.url)
    Publisher("shop")
    assert [token for _, token in _sent(server)] == ["configured", "of.the.environment"]


def test_an_identity_is_asked_for_each_try(server: ScriptedService) -> None:
    """With the function and its address; a token may have ended meanwhile."""
    asked: list[tuple[str, str]] = []

    class Counted:
        def headers(self, function: str, url: str) -> Mapping[str, str]:
            asked.append((function, url))
            return {"X-Pubsub-Token": str(len(asked))}

    server.script("register", BREAK_OFF, BREAK_OFF)
    Publisher("shop", service=Service(server.url, identity=Counted()))
    assert [token for _, token in _sent(server)] == ["1", "2", "3"]
    assert asked == [("register", f"{server.url}/register")] * 3


@pytest.mark.parametrize(
    "address",
    [
        "http://shop.example",
        "http://10.0.0.7:8000",
        "http://localhost.example",
        {
            "register": "https://a.example",
            "publish": "https://a.example",
            "subscribe": "http://a.example",
            "get_events": "https://a.example",
        },
    ],
)
def test_a_token_is_not_sent_where_others_can_read_it(
    address: str | dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even one that the environment holds for another service."""
    with pytest.raises(ConfigurationError, match=r"over https:// only, or to this machine; the service is at http://"):
        Service(address, identity="a.b.c")
    monkeypatch.setenv(TOKEN_SETTING, "a.b.c")
    with pytest.raises(ConfigurationError, match=r"over https://"):
        find_service(address)


@pytest.mark.parametrize(
    "url",
    ["https://shop.example", "http://localhost:8000", "http://a.localhost", "http://127.0.0.2", "http://[::1]:80"],
)
def test_a_token_is_sent_over_https_and_to_this_machine(url: str) -> None:
    assert Service(url, identity="a.b.c").identity is not None


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX-Other: 1", "\xe9"])
def test_what_cannot_be_a_token_is_refused(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not in the error: it may be a secret all the same."""
    with pytest.raises(ConfigurationError, match=r"identity: a token of printable ASCII is expected") as raised:
        Service("https://shop.example", identity=token)
    assert not token or token not in str(raised.value)
    if token:
        monkeypatch.setenv(TOKEN_SETTING, token)
        with pytest.raises(ConfigurationError, match=f"{TOKEN_SETTING} in the environment: a token"):
            find_service("https://shop.example")


def test_services_of_other_identities_are_others() -> None:
    """They share no connections; and a token is not shown."""
    one, same, other = (Service("https://a.example", identity=token) for token in ("a.secret", "a.secret", "b.secret"))
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert "secret" not in repr(one) + repr(one.identity)
