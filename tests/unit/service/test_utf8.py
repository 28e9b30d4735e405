"""A publish that is not UTF-8 is refused, wherever the bad bytes are, and the answer names the first one."""

from __future__ import annotations

import json

import flask
import pytest

from pubsubservice.api.cloudevents import decode_published
from pubsubservice.api.publish import decode_publish
from pubsubservice.core.problems import BadRequest

_COMMON = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"name": "Zoë", "of": [1, "é"]}}
_ANY = {**_COMMON, "id": "2", "mine": "ü", "subject": "s"}
_EVENTS = [_COMMON, _ANY]
_PUBLISH = {"topic": "orders", "publisher": "p", "events": _EVENTS, "since": 5, "delay_s": 1.5, "far": True}
#: a byte that no text has, a cut character, a surrogate, an overlong encoding
_BAD = (b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xa0")


def _encoded(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _expected(body: bytes) -> str:
    """Return the detail for a body that is not UTF-8, as a check of the whole body finds it."""
    with pytest.raises(UnicodeDecodeError) as raised:
        body.decode()
    return f"The body is not UTF-8 at byte {raised.value.start}: JSON is expected in UTF-8."


@pytest.mark.parametrize("bad", _BAD)
def test_bad_bytes_anywhere_in_a_publish(bad: bytes) -> None:
    good = _encoded(_PUBLISH)
    assert len(decode_publish(good).entries) == 2
    for position in range(len(good) + 1):
        body = good[:position] + bad + good[position:]
        with pytest.raises(BadRequest) as raised:
            decode_publish(body)
        assert (raised.value.code, raised.value.detail) == ("invalid_json", _expected(body)), position


@pytest.mark.parametrize(
    "wrong", [{"events": 5}, {"more": _EVENTS}, {"topic": [], "events": _EVENTS}, [1], {"events": [[["deep"] * 3]]}]
)
def test_bad_bytes_are_named_before_all_else_that_the_decoder_refuses(wrong: object) -> None:
    body = _encoded(wrong)[:-1] + b"\xff"
    with pytest.raises(BadRequest) as raised:
        decode_publish(body)
    assert raised.value.detail == _expected(body)


@pytest.mark.parametrize(
    ("media_type", "value"),
    [("application/cloudevents+json", _ANY), ("application/cloudevents-batch+json", _EVENTS)],
)
def test_bad_bytes_anywhere_in_cloudevents(media_type: str, value: object) -> None:
    good = _encoded(value)
    for position in range(len(good) + 1):
        body = good[:position] + b"\xff" + good[position:]
        request = flask.Request.from_values(
            "/?topic=orders&publisher=p", method="POST", data=body, content_type=media_type
        )
        with pytest.raises(BadRequest) as raised:
            decode_published(request)
        assert (raised.value.code, raised.value.detail) == ("invalid_json", _expected(body)), position


def test_characters_of_all_planes_are_kept() -> None:
    text = "aé€\U0001f600"
    body = _encoded({**_PUBLISH, "events": [{**_COMMON, "data": text}]})
    assert text.encode() in decode_publish(body).entries[0].line
