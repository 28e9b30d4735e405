"""Dead letters as they are made: everything of the event is in them, and can be told from what they say of themselves."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pubsubservice.delivery.letters import dead_letter
from pubsubservice.subscribers.records import Dead

OF_LETTERS = ("originalid", "originalsource", "originaltopic", "reason", "attempts")
OF_REDRIVES = ("redriveof", "redrivefor")
_NAMES = st.builds(
    lambda own, word: "own" * own + word,
    st.integers(0, 3),
    st.sampled_from([*OF_LETTERS, *OF_REDRIVES, "colour", "subject", "bridge", "own", "reasons"]),
)
_VALUES = st.one_of(st.text(max_size=3), st.integers(-9, 9), st.booleans())
_DEAD = Dead(7, 0, "orders", 2, 1, 0, 41, 3, "s.dead", "no stock")


def made(attributes: dict[str, Any], *, redriven: bool) -> tuple[dict[str, Any], int, int]:
    """A letter, and the bytes of the event and of the letter."""
    event = {"specversion": "1.0", "id": "e1", "source": "/p", "type": "t", **attributes}
    line = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
    letter = dead_letter("s", _DEAD, line, redriven=redriven)
    return json.loads(letter.line), len(line), len(letter.line)


def back(letter: dict[str, Any]) -> dict[str, Any]:
    """What a redrive makes of a letter's attributes, less its own."""
    kept = {name: value for name, value in letter.items() if name not in OF_LETTERS}
    return {
        name[3:]
        if name.startswith("own") and name.removeprefix("own" * name.count("own")) in OF_LETTERS
        else name: value
        for name, value in kept.items()
        if name not in {"specversion", "id", "source", "type"}
    }


@given(st.dictionaries(_NAMES, _VALUES), st.booleans())
def test_every_attribute_is_in_the_letter_under_one_name_and_comes_back(
    attributes: dict[str, Any], redriven: bool
) -> None:
    """However it is called; only what a redrive has added for this subscriber is its own to leave out."""
    letter, size, letter_size = made(attributes, redriven=redriven)
    own = ["orders/2/41/7", "/subscribers/s", "e1", "/p", "orders", "no stock", 3]
    assert [letter[name] for name in ("id", "source", *OF_LETTERS)] == own
    assert not {*OF_REDRIVES} & letter.keys()
    there = {
        name if redriven or name.removeprefix("own" * name.count("own")) not in OF_REDRIVES else "own" + name: value
        for name, value in attributes.items()
        if not (redriven and name in OF_REDRIVES)
    }
    assert back(letter) == there
    assert letter_size <= size + 200 + 3 * len(attributes)


@given(st.sampled_from([*OF_LETTERS, *OF_REDRIVES, "subject", "colour", "data_base64"]), st.booleans())
def test_what_is_null_is_unset_but_for_data(name: str, redriven: bool) -> None:
    """It hides nothing, and is no attribute of the letter."""
    assert made({name: None, "data": None}, redriven=redriven)[0] == made({"data": None}, redriven=redriven)[0]
    assert made({"data": None}, redriven=redriven)[0]["data"] is None
