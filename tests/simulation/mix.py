"""What a seed is made of: which features its subscribers use, how small the bounds are, and how much goes wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from pubsubservice.core.settings import Bounds

from .times import RETENTION_S

__all__ = ["SMALL", "Mix"]

#: met all the time; those of bytes leave room for some twenty events
SMALL = Bounds(state_bytes=520, leases=5, ended=6, dead=2, delayed=2, failed_as_group=6)


@dataclass(frozen=True)
class Mix:
    """The features of one seed."""

    #: lost, doubled and late messages, but nobody is killed, stalled or restarted, and nothing is trimmed or changed
    gentle: bool = False
    #: topic A comes in order
    ordered: bool = False
    #: of topic B only red events are wanted, and other ones after a change
    filters: bool = False
    #: of publishes that are delayed, of events that always fail
    delayed: float = 0.0
    poison: float = 0.0
    max_attempts: int = 3
    backoff_s: float = 1.0
    bounds: Bounds = field(default_factory=Bounds)
    #: a subscriber follows patterns, and topics are made meanwhile
    patterns: bool = False
    #: dead letters are published again, for the subscriber that they come from
    redrive: bool = False
    #: how long topics keep events, seconds; delays are half of it at most
    retention_s: int = RETENTION_S
    #: how often retention runs: seconds between two runs, at most
    expire_s: int = 15
    #: how often somebody changes subscriptions: seconds between two changes, at most
    change_s: int = 60

    #: programs that consume by the SDK
    programs: int = 0
    #: a subscriber of a pattern is gone until the end
    gone: bool = False
    #: how likely a clock is set back, at each step
    set_back: float = 0.0005
    #: topics keep less for some time
    lowers: bool = False
    #: a relay publishes again long after, not knowing whether it had published before
    relays: bool = False
    #: somebody peeks beside the subscribers
    peeks: bool = False
    #: a subscriber is removed and registered again
    removes: bool = False
    #: how likely a call of the store stalls
    stalls: float = 0.004
    #: by how much steps are quicker: then a process often remembers what it wrote before
    pace: int = 1

    @classmethod
    def of(cls, seed: int) -> Mix:
        """Every seed has its own; a third of them are gentle."""
        r = random.Random(seed)
        return cls(
            gentle=seed % 3 == 0,
            ordered=r.random() < 0.4,
            filters=r.random() < 0.5,
            delayed=r.choice((0.0, 0.1)),
            poison=r.choice((0.0, 0.03)),
            max_attempts=r.choice((2, 3, 4)),
            backoff_s=r.choice((0.0, 1.0, 3.0)),
            bounds=r.choice((Bounds(), SMALL)),
            patterns=r.random() < 0.25,
            redrive=r.random() < 0.3,
            expire_s=r.choice((5, 15)),
            change_s=r.choice((10, 60)),
            programs=r.choice((0, 0, 1, 2)),
            gone=r.random() < 0.2,
            lowers=r.random() < 0.3,
            relays=r.random() < 0.2,
            peeks=r.random() < 0.3,
            removes=r.random() < 0.2,
            pace=r.choice((1, 1, 1, 8)),
        )
