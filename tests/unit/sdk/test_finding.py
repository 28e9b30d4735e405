"""A service that is named in a wrong way is told in one sentence: where it stands, and what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from pubsubclient import ConfigurationError
from pubsubclient._http.config import find_service

URL = "http://127.0.0.1:8000"
SETTING = "PUBLISH_SUBSCRIBE_SERVICE"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_in_the_encodings_of_editors(tmp_path: Path, encoding: str) -> None:
    """Also with a byte order mark."""
    (tmp_path / "config.json").write_text(f'{{"{SETTING}": "{URL}"}}', encoding=encoding)
    assert find_service().urls["publish"] == f"{URL}/publish"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f'{{"{SETTING.lower()}": "{URL}"}}', f"has the key '{SETTING.lower()}': write it as '{SETTING}'"),
        (f'{{"PublishSubscribeService": "{URL}"}}', "write it as"),
        ('{"name": "shop"}', "config.json names none"),
        ("{", "is not JSON"),
        (f'{{"{SETTING}": "127.0.0.1:8000"}}', "begins with http://"),
        (f'{{"{SETTING}": 8000}}', "expected a base URL"),
    ],
)
def test_a_file_that_names_none_is_told(tmp_path: Path, content: str, says: str) -> None:
    """With its path."""
    (tmp_path / "config.json").write_text(content)
    with pytest.raises(ConfigurationError, match=str(tmp_path)) as raised:
        find_service()
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("value", ["127.0.0.1:8000", "localhost", "{", '{"publish": "http://x"}'])
def test_a_wrong_environment_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """By its own name."""
    monkeypatch.setenv(SETTING, value)
    with pytest.raises(ConfigurationError, match=f"{SETTING} in the environment"):
        find_service()


def test_without_any_the_command_that_starts_one_is_told() -> None:
    """A program of the documentation that is run before the emulator says what is missing."""
    with pytest.raises(ConfigurationError, match="where `pubsub emulator` listens"):
        find_service()


def test_a_working_directory_that_is_gone_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no file then."""
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigurationError, match="No service is named"):
        find_service()
