"""The service's descriptions of a subscriber, and of one event under a subscriber."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from pubsubclient._core.arguments import check_count, check_flag, check_seconds, check_whole_seconds
from pubsubclient._core.attributes import parse_time
from pubsubclient._core.names import is_pattern
from pubsubclient._http.responses import bad_response

__all__ = [
    "SETTINGS", "Explanation", "LeaseState", "SubscriberState", "SubscriptionState", "read_explanation", "read_position",
    "read_state",
]  # fmt: skip


class Setting(NamedTuple):
    """A setting of a subscription, as the client knows it."""

    #: its name on the wire
    wire: str
    default: Any
    #: takes the argument's name and value, and returns what is sent; raises InvalidArgument
    check: Callable[[str, Any], Any]


def _setting(wire: str, check: Callable[[str, Any], Any], *, default: Any) -> Any:
    """The field of a setting."""
    return field(default=default, metadata={"setting": Setting(wire, default, check)})


@dataclass(frozen=True)
class SubscriptionState:
    """The settings, position and backlog of one subscription."""

    #: a topic, or a pattern of topics
    topic: str
    #: the sequence of the next event of each partition; empty for a pattern, and while the topic does not exist
    position: list[str]
    #: how many events there are from the position to the newest event, before filters; for a pattern, in all its topics
    backlog: int
    #: how many events retention deleted before they were delivered
    lost: int
    dead_letter_topic: str
    #: the whole description of the subscription in the response, by names of the wire
    raw: Mapping[str, Any] = field(repr=False)
    #: for a dead-letter topic, how many events failed for the last time in it
    dropped: int = 0
    #: the pattern that the topic was subscribed by, whose settings apply; None for a subscription by name
    via: str | None = None
    #: how many events are leased or due again; for a pattern, of all topics that it brought
    unsettled: int = 0
    #: the age of the oldest event that is unsettled or in the backlog, seconds; None if no event is
    oldest_age_s: float | None = None
    #: for a pattern, how many events of its backlog are in topics that the subscriber has not met yet
    unmet: int = 0
    #: only events that match all of these are delivered; empty: every event
    filters: Sequence[Mapping[str, Any]] = ()
    #: whether newer events are held back while an older one is unsettled
    ordered: bool = _setting("ordered", check_flag, default=False)
    #: how long an event may stay unsettled before it is delivered again, seconds
    ack_deadline: int = _setting("ack_deadline_s", partial(check_whole_seconds, low=1, high=600), default=30)
    #: deliveries of an event before it becomes a dead letter
    max_attempts: int = _setting("max_attempts", partial(check_count, low=1, high=100), default=5)
    #: the delay before the redelivery of an event after its first failure, seconds
    backoff: float = _setting("backoff_s", partial(check_seconds, low=0, high=600), default=10.0)


#: the settings with a default, by the name of the argument of `Subscriber.subscribe`
SETTINGS: Mapping[str, Setting] = {
    each.name: each.metadata["setting"] for each in fields(SubscriptionState) if each.metadata
}


@dataclass(frozen=True)
class LeaseState:
    """One lease: events that a consumer holds."""

    lease: str
    until: datetime
    #: the number of this delivery of the events, from 1
    attempt: int
    #: how many events are unsettled
    events: int
    #: how many of them are of each topic; None from an older service
    topics: Mapping[str, int] | None = None


@dataclass(frozen=True)
class SubscriberState:
    """A snapshot of a subscriber."""

    subscriber: str
    subscriptions: tuple[SubscriptionState, ...]
    leases: tuple[LeaseState, ...]
    #: how many events are leased or due again
    unsettled: int
    #: how many of these are due again
    due: int
    #: how many events wait for the end of their publisher's delay
    delayed: int
    #: how many events failed for the last time, and are not published to a dead-letter topic yet, or cannot be
    dead: int
    #: the age of the oldest event that is unsettled or in the backlog, seconds; None if no event is
    oldest_unsettled_age_s: float | None
    #: the whole body of the response
    raw: Mapping[str, Any] = field(repr=False)
    #: how many events of all topics were not read yet, before filters; topics that are not followed included
    backlog: int = 0
    #: how many topics that match patterns are not followed, because a subscriber follows at most 1,000 logs
    unfollowed: int = 0
    #: when the next event that is due or delayed is due, which may be past; None without one
    next_due_at: datetime | None = None
    #: when the subscriber's document changed last, by a lease, a settlement or a subscription; None from an older service
    changed_at: datetime | None = None


@dataclass(frozen=True)
class Explanation:
    """The state of an event under a subscriber. ``str()`` gives a sentence.

    Attributes:
        state: ``not_read`` (yet), ``before_start`` (of the subscription), ``filtered`` (out by ``clause``), ``delayed``
            (``until``), ``leased`` (under ``lease``, ``until``), ``due`` (again, ``at``), ``dead`` (not yet published as a
            dead letter), ``dead_lettered`` (to ``dead_letter_topic``), ``dropped`` (failed for the last time in a dead-letter
            topic), ``settled``, ``trimmed`` (deleted by retention) or ``unknown_event``
    """

    subscriber: str
    topic: str
    state: str
    #: the following are None if not known, or if they do not apply to the state
    sequence: str | None = None
    id: str | None = None
    clause: str | None = None
    lease: str | None = None
    until: datetime | None = None
    at: datetime | None = None
    attempt: int | None = None
    reason: str | None = None
    dead_letter_topic: str | None = None
    #: the whole body of the response
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __str__(self) -> str:
        event = self.sequence or self.id
        sentences = {
            "not_read": "was not read yet",
            "before_start": "is before the start of the subscription",
            "filtered": f"is filtered out by {self.clause}",
            "delayed": f"is delayed until {self.until}",
            "leased": f"is leased until {self.until}, attempt {self.attempt}",
            "due": f"is due again at {self.at}, attempt {self.attempt}",
            "dead": f"failed for the last time ({self.reason})",
            "dead_lettered": f"failed for the last time and is a dead letter in {self.dead_letter_topic}",
            "dropped": "failed for the last time in a dead-letter topic, and was dropped",
            "settled": "is settled",
            "trimmed": "was deleted by retention",
            "unknown_event": "is not known",
        }
        return f"{self.topic} {event} {sentences.get(self.state, self.state)} (subscriber {self.subscriber})"


def read_state(body: Mapping[str, Any]) -> SubscriberState:
    """Read a subscriber's state from a response. Raises ServiceError (``bad_answer``)."""
    try:
        return SubscriberState(
            subscriber=body["subscriber"],
            subscriptions=tuple(
                SubscriptionState(
                    topic=members["topic"],
                    position=list(members["position"]),
                    backlog=members.get("backlog", 0),
                    lost=members.get("lost", 0),
                    dead_letter_topic=members.get("dead_letter_topic") or f"{body['subscriber']}.dead",
                    raw=members,
                    dropped=members.get("dropped", 0),
                    via=members.get("via"),
                    unsettled=members.get("unsettled", 0),
                    oldest_age_s=members.get("oldest_age_s"),
                    unmet=members.get("unmet", 0),
                    filters=tuple(members.get("filters", ())),
                    **{name: members.get(each.wire, each.default) for name, each in SETTINGS.items()},
                )
                for members in body["subscriptions"]
            ),
            leases=tuple(
                LeaseState(
                    members["lease"],
                    parse_time(members["until"]),
                    members["attempt"],
                    members["events"],
                    members.get("topics"),
                )
                for members in body.get("leases", [])
            ),
            unsettled=body.get("unsettled", 0),
            due=body.get("due", 0),
            delayed=body.get("delayed", 0),
            dead=body.get("dead", 0),
            oldest_unsettled_age_s=body.get("oldest_unsettled_age_s"),
            raw=body,
            backlog=body.get("backlog", 0),
            unfollowed=body.get("unfollowed", 0),
            next_due_at=_parse_optional_time(body.get("next_due_at")),
            changed_at=_parse_optional_time(body.get("changed_at")),
        )
    except (KeyError, TypeError, ValueError) as e:
        raise bad_response("register", f"it holds no state of a subscriber ({e!r})") from e


def read_position(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """Read a subscriber's position from a response of `register`. Raises ServiceError (``bad_answer``)."""
    try:
        # the position in a topic that does not exist yet is empty, and means the topic's beginning
        return {each["topic"]: each["position"] for each in body["subscriptions"] if not is_pattern(each["topic"])}
    except (KeyError, TypeError) as e:
        raise bad_response("register", f"it holds no subscriptions ({e!r})") from e


def read_explanation(body: Mapping[str, Any]) -> Explanation:
    """Read an explanation from a response. Raises ServiceError (``bad_answer``)."""
    try:
        event = body.get("event") or {}
        return Explanation(
            subscriber=body["subscriber"],
            topic=body["topic"],
            state=body["state"],
            sequence=event.get("sequence"),
            id=event.get("id"),
            clause=body.get("clause"),
            lease=body.get("lease"),
            until=_parse_optional_time(body.get("until")),
            at=_parse_optional_time(body.get("at")),
            attempt=body.get("attempt"),
            reason=body.get("reason"),
            dead_letter_topic=body.get("dead_letter_topic"),
            raw=body,
        )
    except (AttributeError, KeyError, TypeError, ValueError) as e:
        raise bad_response("register", f"it explains no event ({e!r})") from e


def _parse_optional_time(text: str | None) -> datetime | None:
    return None if text is None else parse_time(text)
