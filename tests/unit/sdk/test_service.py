"""How the service is found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import pubsubclient
from pubsubclient import ConfigurationError, Publisher, Service
from pubsubclient._http.config import find_service
from unit.sdk.scripted import ScriptedService

SETTING = "PUBLISH_SUBSCRIBE_SERVICE"
PER_FUNCTION = {
    "register": "https://register.example",
    "publish": "https://publish.example",
    "subscribe": "https://subscribe.example",
    "get_events": "https://get-events.example",
}


def of_base(url: str) -> dict[str, str]:
    return {function: f"{url}/{function}" for function in PER_FUNCTION}


def test_a_base_url_is_followed_by_the_functions_names() -> None:
    """A slash at its end changes nothing."""
    assert find_service("http://a.example/api/").urls == of_base("http://a.example/api")


def test_each_function_may_have_its_own_url() -> None:
    """Further functions are left to others."""
    assert find_service({**PER_FUNCTION, "expire": "https://expire.example"}).urls == PER_FUNCTION


def test_a_config_file_in_the_working_directory_names_the_service(tmp_path: Path) -> None:
    """As the original's did."""
    (tmp_path / "config.json").write_text(json.dumps({SETTING: "http://file.example"}))
    assert find_service().urls == of_base("http://file.example")


def test_a_config_file_above_names_the_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One on the way that does not hold the setting is somebody else's."""
    (tmp_path / "config.json").write_text(json.dumps({SETTING: PER_FUNCTION}))
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "a" / "config.json").write_text('{"other": 1}')
    monkeypatch.chdir(below)
    assert find_service().urls == PER_FUNCTION


def test_the_environment_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL as it is."""
    (tmp_path / "config.json").write_text(json.dumps({SETTING: "http://file.example"}))
    monkeypatch.setenv(SETTING, "http://environment.example")
    assert find_service().urls == of_base("http://environment.example")


def test_the_environment_may_hold_a_url_for_each_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a JSON object."""
    monkeypatch.setenv(SETTING, json.dumps(PER_FUNCTION))
    assert find_service().urls == PER_FUNCTION


def test_configure_goes_before_the_environment_and_an_argument_before_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """Configuring nothing undoes it."""
    monkeypatch.setenv(SETTING, "http://environment.example")
    pubsubclient.configure("http://configured.example", deadline_s=7)
    assert find_service().urls == of_base("http://configured.example")
    assert find_service().deadline_s == 7
    assert find_service("http://argument.example").urls == of_base("http://argument.example")
    assert find_service("http://argument.example").deadline_s == 7
    pubsubclient.configure()
    assert find_service().urls == of_base("http://environment.example")
    assert find_service().deadline_s == 60


def test_without_a_service_the_error_names_all_four_ways() -> None:
    """So that nobody has to look them up."""
    with pytest.raises(ConfigurationError) as raised:
        Publisher("P1")
    for way in ("service=", "configure(service=", f"{SETTING} in the environment", "config.json"):
        assert way in str(raised.value)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("ftp://a.example", "begins with http:// or https://"),
        ("a.example:8000", "begins with http:// or https://"),
        ("http://", "names a host"),
        ("http://a.example:port", "is not a URL"),
        ("http://me:secret@a.example", "without user"),
        ("http://a.example/?x=1", "without user, query and fragment"),
        ({"register": "http://a.example"}, "no URL for publish, subscribe, get_events"),
        ({**PER_FUNCTION, "publish": 7}, "service: publish: expected a URL; got 7"),
        (7, "expected a base URL, or one URL for each of register, publish, subscribe, get_events"),
    ],
)
def test_a_malformed_address_is_refused(address: object, says: str) -> None:
    """With what was expected."""
    with pytest.raises(ConfigurationError, match=f".*{says}"):
        find_service(address)  # type: ignore[arg-type]


def test_a_malformed_default_is_refused_when_it_is_set() -> None:
    """And the one before it stays."""
    with pytest.raises(ConfigurationError):
        pubsubclient.configure("nowhere")
    with pytest.raises(ConfigurationError, match="No service is named"):
        find_service()


@pytest.mark.parametrize("text", ["{not json", '["http://a.example"', "\x00"])
def test_a_config_file_that_is_not_json_is_named(tmp_path: Path, text: str) -> None:
    """It may be the one that was meant."""
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"config.json is not JSON"):
        find_service()


def test_a_config_file_that_names_no_url_is_named(tmp_path: Path) -> None:
    """With the setting that is wrong."""
    (tmp_path / "config.json").write_text(json.dumps({SETTING: ["http://a.example"]}))
    with pytest.raises(ConfigurationError, match=f"{SETTING} in .*config.json: expected a base URL"):
        find_service()


def test_an_object_in_the_environment_that_is_not_json_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the file."""
    monkeypatch.setenv(SETTING, "{publish: x}")
    with pytest.raises(ConfigurationError, match=f"{SETTING} in the environment is not JSON"):
        find_service()


def test_times_of_nothing_are_refused() -> None:
    """They would never let anything through."""
    with pytest.raises(ConfigurationError, match="above 0"):
        Service("http://a.example", deadline_s=0)


def test_all_that_use_one_service_share_its_connections(server: ScriptedService) -> None:
    """Each function is called, over one connection."""
    publisher = Publisher("P1", service=server.url)
    subscriber = pubsubclient.Subscriber("S1", service=server.url + "/")
    publisher.publish("A")
    subscriber.subscribe("A")
    subscriber.get_events()
    assert [asked.function for asked in server.asked] == ["register", "register", "publish", "subscribe", "get_events"]
    assert len({asked.port for asked in server.asked}) == 1
