"""Whether an event has a name twice, against a parser that keeps every pair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pubsubservice.core.problems import BadRequest
from pubsubservice.events.duplicate_members import repeated_name
from pubsubservice.events.validate import decode_events

_DECODER = msgspec.json.Decoder(dict[str, msgspec.Raw])
_REQUIRED = [("specversion", "1.0"), ("id", "é-1"), ("source", '/"quoted"'), ("type", "event")]
_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(0, 999), st.text(st.characters(exclude_categories=["Cs"]), max_size=4),
    st.just({"a": [1, {"subject": "x"}]}),
)  # fmt: skip
_PAIRS = st.lists(st.tuples(st.sampled_from(["subject", "ext", "a", "data", "data_base64"]), _VALUES), max_size=6)
_SPACES = st.sampled_from(["", " ", "\n\t "])


def _written(pairs: Sequence[tuple[str, Any]], space: str, *, ascii_only: bool) -> bytes:
    members = (
        f"{space}{json.dumps(name)}{space}:{space}{json.dumps(value, ensure_ascii=ascii_only)}{space}"
        for name, value in pairs
    )
    return f"{{{','.join(members)}}}".encode()


@given(_PAIRS, _SPACES, st.booleans())
def test_the_first_repeated_name_is_found_and_no_other(pairs: list[tuple[str, Any]], space: str, plain: bool) -> None:
    """Whatever the white space, the escapes and the types."""
    members = [*_REQUIRED, *pairs]
    line = _written(members, space, ascii_only=plain)
    decoded = _DECODER.decode(line)
    texts = [
        value for name, value in dict(members).items() if isinstance(value, str) and name not in {"data", "data_base64"}
    ]
    names = [name for name, _ in members]
    repeated = [name for place, name in enumerate(names) if name in names[:place]]
    assert repeated_name(line, decoded, len(texts), "".join(texts)) == (repeated[0] if repeated else None)


@pytest.mark.parametrize("name", [name for name, _ in _REQUIRED])
def test_an_event_with_a_name_twice_is_refused(name: str) -> None:
    """With a sentence that has the name."""
    line = _written([*_REQUIRED, *(pair for pair in _REQUIRED if pair[0] == name)], "", ascii_only=False)
    with pytest.raises(BadRequest, match=rf"events\[0\]: the member '{name}' appears twice\.") as raised:
        decode_events(line, [msgspec.Raw(line)], "p")
    assert (raised.value.status, raised.value.code) == (400, "invalid_event")
