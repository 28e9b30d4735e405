"""What outlives a move of the code: pickles, and the names of classes and loggers."""

from __future__ import annotations

import json
import logging.config
import pickle
import re
from base64 import b64decode
from pathlib import Path

import pytest

import pubsub_emulator
import pubsubclient
import pubsubservice

_ROOT = Path(__file__).parents[3]
_PICKLES = json.loads((_ROOT / "tests/data/pickles.json").read_text())


@pytest.mark.parametrize("name", _PICKLES)
def test_a_pickle_of_the_flat_modules_loads(name: str) -> None:
    loaded = pickle.loads(b64decode(_PICKLES[name]))
    assert type(loaded).__name__ == name
    again = pickle.loads(pickle.dumps(loaded))
    assert type(again) is type(loaded)
    assert str(again) == str(loaded)


def test_what_was_pickled_is_all_there() -> None:
    event = pickle.loads(b64decode(_PICKLES["ReceivedEvent"]))
    assert (event.data, event.sequence, event.attempt) == ({"number": 17}, "0000-00000000000000000017", 1)
    events = pickle.loads(b64decode(_PICKLES["Events"]))
    assert (len(events), events.more, events.lost) == (1, True, {"orders": 2})
    unknown = pickle.loads(b64decode(_PICKLES["PublishUnknown"]))
    assert (unknown.uncertain, unknown.events[0].data, unknown.receipts[0].id) == (True, {"number": 17}, "1")


def test_public_classes_say_the_public_module() -> None:
    private = {
        name for name in pubsubclient.__all__
        if str(getattr(getattr(pubsubclient, name), "__module__", "")).startswith("pubsubclient._")
    }  # fmt: skip
    assert private == set()
    assert b"pubsubclient._" not in pickle.dumps(pubsubclient.Topic("orders"))


def test_loggers_have_the_names_that_the_page_on_settings_documents() -> None:
    used: set[str] = set()
    for package in (pubsubclient, pubsubservice, pubsub_emulator):
        for file in Path(package.__path__[0]).rglob("*.py"):
            text = file.read_text()
            assert "getLogger(__name__)" not in text, f"{file}: a logger that moves with its file"
            used |= set(re.findall(r'getLogger\("(pubsub\w+\.\w+)"\)', text))
    page = (_ROOT / "docs" / "settings.md").read_text()
    assert {name for name in used if f"`{name}`" not in page} == set()
    assert set(re.findall(r"`(pubsub(?:client|service|_emulator)\.[a-z]+)`: ", page)) == used


def test_a_logging_configuration_of_these_names_works(caplog: pytest.LogCaptureFixture) -> None:
    def configure(level: str) -> None:
        loggers = {"pubsubclient.subscriber": {"level": level}}
        logging.config.dictConfig({"version": 1, "incremental": True, "loggers": loggers})

    configure("ERROR")
    try:
        logging.getLogger("pubsubclient.subscriber").warning("left out")
        logging.getLogger("pubsubclient.publisher").warning("said")
    finally:
        configure("NOTSET")
    assert [record.getMessage() for record in caplog.records] == ["said"]
