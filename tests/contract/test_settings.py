"""The settings of a subscription: the service's table, the client's and the contract's say the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pubsubclient import InvalidArgument
from pubsubclient._subscribe.descriptions import SETTINGS as OF_CLIENT
from pubsubservice.subscribers.records import SETTINGS as OF_SERVICE

_DEFAULTS = json.loads((Path(__file__).parent / "defaults.json").read_text())["subscription"]
#: the client takes a Topic for it too, and the service makes its default of the subscriber's name
_BY_HAND = {"dead_letter_topic"}


def test_all_have_the_same_settings_and_defaults() -> None:
    service = {name: setting.default for name, setting in OF_SERVICE.items() if name not in _BY_HAND}
    assert {setting.wire: setting.default for setting in OF_CLIENT.values()} == service
    assert {**service, "filters": []} == _DEFAULTS


@pytest.mark.parametrize("name", OF_CLIENT)
def test_the_client_takes_what_the_service_takes(name: str) -> None:
    mine = OF_CLIENT[name]
    theirs = OF_SERVICE[mine.wire]
    if theirs.least is None or theirs.most is None:
        assert mine.check(name, not mine.default) is not mine.default
        return
    assert (mine.check(name, theirs.least), mine.check(name, theirs.most)) == (theirs.least, theirs.most)
    for wrong in (theirs.least - 1, theirs.most + 1, "many", None):
        with pytest.raises(InvalidArgument, match=name):
            mine.check(name, wrong)
