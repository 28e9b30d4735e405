"""Errors that a program pickled with the version before."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from pubsubclient import Event, PublishRefused, PublishUnavailable, ServiceError, Unavailable


class _AsBefore:
    """Pickles as the version before pickled a PublishRefused: its class, its arguments, its attributes."""

    def __init__(self, reason: Exception, event: Event) -> None:
        self._reduced = (
            PublishRefused,
            (reason, [None], [event]),
            {"reason": reason, "receipts": [None], "events": [event]},
        )

    def __reduce__(self) -> Any:
        return self._reduced


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_outage_is_one_after_loading(protocol: int) -> None:
    """It says that another try may help, and keeps what to publish again."""
    event = Event("orders", {"number": 17})
    outage = Unavailable("publish", "http://127.0.0.1:1/publish", 3, 60.0, ConnectionError("refused"))
    loaded = pickle.loads(pickle.dumps(_AsBefore(outage, event), protocol))
    assert type(loaded) is PublishUnavailable
    assert loaded.retryable
    assert not loaded.uncertain
    assert (loaded.tries, loaded.elapsed_s) == (3, 60.0)
    assert [each.id for each in loaded.events] == [event.id]
    assert isinstance(loaded.reason, Unavailable)
    assert type(pickle.loads(pickle.dumps(loaded, protocol))) is PublishUnavailable


def test_a_refusal_stays_one() -> None:
    """Another try would not change it."""
    refused = pickle.loads(
        pickle.dumps(_AsBefore(ServiceError("publish", 400, "invalid_event", "No."), Event("orders")))
    )
    assert type(refused) is PublishRefused
    assert not refused.retryable
