"""The outcomes that wait for a request, and those that one request carries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pubsubclient._events.lease import Lease, Ref
from pubsubclient._subscribe.settlements import MAX_SETTLEMENTS

__all__ = ["Collected", "Options", "Pending", "Settlements"]

#: settlements by verb, as in a request
Settlements = dict[str, list[Any]]
#: the members of a settlement beside its lease and events, as pairs
Options = tuple[tuple[str, Any], ...]
#: events with the same verb and options are one settlement of their lease
_Key = tuple[str, Lease, Options]

#: how many broken-off fetches are remembered
_MAX_UNKNOWN = 100


class Collected:
    """The outcomes that one request carries.

    Args:
        named: events, by what becomes of them
        wholes: leases whose rest has failed together, with the options of the nack
        extensions: leases to extend, and to how many seconds from now; None for their own length
        unknown_tokens: tokens of leases to release, whose events nobody received
        asked: a monotonic time before the request is sent
    """

    def __init__(
        self,
        named: dict[_Key, list[Ref]],
        wholes: dict[Lease, Options],
        extensions: dict[Lease, float | None],
        unknown_tokens: list[str],
        asked: float,
    ) -> None:
        self.named = named
        self.wholes = wholes
        self.extensions = extensions
        self.unknown_tokens = unknown_tokens
        self.asked = asked

    def add_to(self, settlements: Settlements) -> Settlements:
        """Return `settlements` with these outcomes added."""
        both = {verb: [*entries] for verb, entries in settlements.items()}
        for (verb, lease, options), refs in self.named.items():
            # a nack of a whole lease would mean that its events failed together
            part = lease.named(refs) if verb == "nack" else lease.part(refs)
            if part:
                both.setdefault(verb, []).append({**part, **dict(options)} if options else part)
        for lease, options in self.wholes.items():
            both.setdefault("nack", []).append({"lease": lease.token, **dict(options)})
        if self.unknown_tokens:
            both.setdefault("release", []).extend({"lease": token} for token in self.unknown_tokens)
        extensions = [lease.extension(seconds) for lease, seconds in self.extensions.items() if lease.held()]
        if extensions:
            both.setdefault("extend", []).extend(extensions)
        return both

    def settled(self, unknown: Iterable[Mapping[str, Any]]) -> None:
        """Record that the service carried out the request; `unknown` did not count."""
        for (_, lease, _), refs in self.named.items():
            lease.forget(refs)
        for lease in self.wholes:
            lease.forget(lease.held())
        lost = {one.get("lease") for one in unknown if one.get("settlement") == "extend"}
        for lease, seconds in self.extensions.items():
            if lease.token in lost:
                lease.lost = True
            elif seconds is None:
                lease.restarted(self.asked)
            else:
                lease.extended(self.asked, seconds)


class Pending:
    """The outcomes that wait. Not thread-safe: `Outcomes` guards it."""

    def __init__(self) -> None:
        self._named: dict[_Key, list[Ref]] = {}
        #: events of these leases that failed together, with the options of the nack
        self._together: dict[Lease, tuple[list[Ref], Options]] = {}
        self._extensions: dict[Lease, float | None] = {}
        #: tokens of broken-off fetches, whose leases nobody received; a dict keeps their order
        self._unknown_tokens: dict[str, None] = {}

    def __bool__(self) -> bool:
        """Whether there is something that the next request can carry."""
        return bool(
            self._named or self._unknown_tokens or self._extensions or any(map(self._is_rest, list(self._together)))
        )

    @property
    def count(self) -> int:
        """How many events have outcomes that wait."""
        return sum(map(len, self._named.values())) + sum(len(refs) for refs, _ in self._together.values())

    def add(self, verb: str, lease: Lease, ref: Ref, options: Options = ()) -> None:
        """Add the outcome of an event."""
        key = verb, lease, options
        refs = self._named.get(key)
        if refs is None:
            self._named[key] = [ref]
        else:
            refs.append(ref)

    def add_together(self, lease: Lease, refs: Iterable[Ref], options: Options) -> None:
        """Add the failure of events that failed together. It waits until they are the rest of their lease.

        Then it is sent as a nack of the lease, after which the service makes smaller leases, to find the event at fault.
        """
        held = self._together.setdefault(lease, ([], options))[0]
        held.extend(refs)

    def extend(self, lease: Lease, seconds: float | None) -> None:
        """Add an extension of a lease."""
        self._extensions[lease] = seconds

    def release_unknown(self, tokens: Iterable[str]) -> None:
        """Add the release of what broken-off fetches may have leased."""
        self._unknown_tokens.update(dict.fromkeys(tokens))
        # keeps the newest: in a long outage, the leases of the oldest have expired by themselves
        for token in list(self._unknown_tokens)[:-_MAX_UNKNOWN]:
            del self._unknown_tokens[token]

    def name_together(self) -> None:
        """Let failures that wait for the rest of their leases go by name: this process settles nothing more."""
        for lease, (refs, options) in self._together.items():
            if not self._is_rest(lease):
                self._named.setdefault(("nack", lease, options), []).extend(refs)
        self._together = {lease: failed for lease, failed in self._together.items() if self._is_rest(lease)}

    def collect(self, asked: float, *, extensions: bool = True, most: int = MAX_SETTLEMENTS) -> Collected:
        """Remove and return what one request can carry; `most` events with names, and those of one more settlement."""
        named: dict[_Key, list[Ref]] = {}
        count = 0
        while self._named and count < most:
            key = next(iter(self._named))
            named[key] = self._named.pop(key)
            count += len(named[key])
        wholes = {lease: self._together.pop(lease)[1] for lease in [*filter(self._is_rest, self._together)]}
        extended: dict[Lease, float | None] = {}
        if extensions:
            extended, self._extensions = self._extensions, {}
        unknown_tokens, self._unknown_tokens = list(self._unknown_tokens), {}
        return Collected(named, wholes, extended, unknown_tokens, asked)

    def put_back(self, collected: Collected) -> None:
        """Take the outcomes of a failed request again, in front, except those that are too late to count."""
        later, self._named = self._named, {}
        for key, refs in collected.named.items():
            verb, lease, _ = key
            if not (lease.gone if verb == "nack" else lease.over):  # a late ack may count, a late release does no harm
                self._named[key] = refs
        for key, refs in later.items():
            self._named.setdefault(key, []).extend(refs)
        for lease, options in collected.wholes.items():
            if not lease.gone:
                self._together[lease] = (lease.held(), options)
        for lease, seconds in collected.extensions.items():
            if not lease.gone:
                self._extensions.setdefault(lease, seconds)
        self._unknown_tokens = dict.fromkeys([*collected.unknown_tokens, *self._unknown_tokens])

    def _is_rest(self, lease: Lease) -> bool:
        """Whether all of a lease that is not settled has failed together."""
        failed = set(self._together[lease][0])
        return failed.issuperset(lease.held())
