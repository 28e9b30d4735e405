"""The demo runs, and its checks would find what they are for."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import datetime, timedelta, timezone

from demo.checking import faults_of
from demo.messages import Arrival

from .conftest import ROOT

_NOON = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
_EXPECTED = {"d0": "hash0", "d1": "hash1", "d2": "hash2"}


def _arrival(place: int, /, **changed: object) -> Arrival:
    stored = _NOON + timedelta(microseconds=place)
    return Arrival(f"d{place}", "github.push", "/publishers/relay-1", place, stored, f"hash{place}")._replace(**changed)  # type: ignore[arg-type]


_ALL = [_arrival(0), _arrival(1), _arrival(2)]


def test_it_ends_well_with_a_table() -> None:
    """Fewer events than usual, the same processes."""
    command = [sys.executable, "-m", "demo", "--events", "400"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    assert re.search(r"^search +2 +400 .*\$0\.\d{4}$", ended.stdout, re.MULTILINE)
    assert re.search(r"^Everything arrived: once, whole and in order\. [\d.]+ s\.\n\Z", ended.stdout, re.MULTILINE)


def test_nothing_is_wrong_with_all_events_once_in_order() -> None:
    """By one consumer, or shared by two."""
    assert faults_of("s", _EXPECTED, [_ALL]) == []
    assert faults_of("s", _EXPECTED, [[_arrival(1)], [_arrival(0), _arrival(2)]]) == []


def test_it_finds_what_is_missing_doubled_or_too_much() -> None:
    """Whichever of the consumers got it."""
    assert faults_of("s", _EXPECTED, [[_arrival(0), _arrival(2)]]) == ["s: 1 event did not arrive: d1"]
    assert faults_of("s", _EXPECTED, [_ALL, [_arrival(1)]]) == ["s: 1 event arrived more than once: d1"]
    assert faults_of("s", _EXPECTED, [[*_ALL, _arrival(3)]]) == ["s: 1 event arrived without being expected: d3"]


def test_it_finds_another_payload() -> None:
    """By its digest."""
    (fault,) = faults_of("s", _EXPECTED, [[_arrival(0), _arrival(1, digest="other"), _arrival(2)]])
    assert fault == "s: 1 event arrived with another payload than was published: d1"


def test_it_finds_a_wrong_order() -> None:
    """Of times, and of a publisher's events stored at one time."""
    assert faults_of("s", _EXPECTED, [[_arrival(1), _arrival(0, number=1), _arrival(2)]]) == [
        "s: 1 event arrived after an event that was stored later: d0"
    ]
    assert faults_of(
        "s", _EXPECTED, [[_arrival(0, number=1, recordedtime=_NOON), _arrival(1, number=0), _arrival(2)]]
    ) == ["s: 1 event arrived after a later one of the same publisher and topic: d1"]
