"""What one app declares, and what the apps that it includes declare: a tree, whose root gives all of them name and service."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pubsubclient._app.consumers import check_together
from pubsubclient._app.declaration import Declaration
from pubsubclient._app.lifespan import Lifespan
from pubsubclient._app.runner import Around
from pubsubclient._core.errors import ConfigurationError
from pubsubclient._events.topic import Topic
from pubsubclient._http.config import default_settings
from pubsubclient._http.service import Address, Service
from pubsubclient._publish.publisher import Publisher

__all__ = ["Part"]


@dataclass(eq=False)
class Part:
    """One app's share of a program."""

    name: str
    service: Address | Service | None
    lifespan: Lifespan | None
    handlers: list[Declaration] = field(default_factory=list)
    arounds: list[Around] = field(default_factory=list)
    included: list[Part] = field(default_factory=list)
    #: relays of outboxes, which live as long as a worker
    relays: list[Lifespan] = field(default_factory=list)
    #: the topics that it publishes to, beside its handlers' answers
    publishes: Sequence[Topic[Any] | str] = ()
    #: the part that includes this one
    parent: Part | None = None
    #: the publisher, and the settings of the default service that it was made under
    made: tuple[object, Publisher] | None = None

    @property
    def root(self) -> Part:
        """The part that includes this one, directly or not, and is included by none."""
        return self if self.parent is None else self.parent.root

    def declare(self, handler: Declaration) -> None:
        """Add a handler. Raises ConfigurationError if it cannot stand beside the others of the program."""
        root = self.root
        check_together([*(one for one, _ in root.all_handlers()), handler], root.name)
        self.handlers.append(handler)

    def include(self, other: Part) -> None:
        """Take in another part. Raises ConfigurationError if it has a place already, or cannot stand beside this one."""
        root = self.root
        if other is root:
            raise ConfigurationError(f"include: the app {other.name!r} includes this one, or is this one.")
        if other.parent is not None:
            raise ConfigurationError(f"include: the app {other.name!r} is part of {other.parent.name!r} already.")
        check_together([one for part in (root, other) for one, _ in part.all_handlers()], root.name)
        self.included.append(other)
        other.parent = self

    def all_handlers(self, outer: tuple[Around, ...] = ()) -> Iterator[tuple[Declaration, tuple[Around, ...]]]:
        """Yield the handlers of this part and of what it includes, each with what its runs are wrapped in."""
        arounds = (*outer, *self.arounds)
        for one in self.handlers:
            yield one, arounds
        for part in self.included:
            yield from part.all_handlers(arounds)

    def all_lifespans(self) -> Iterator[Lifespan]:
        """Yield the lifespans of this part and of what it includes, in the order in which they are entered."""
        if self.lifespan is not None:
            yield self.lifespan
        for part in self.included:
            yield from part.all_lifespans()

    def all_relays(self) -> Iterator[Lifespan]:
        """Yield the relays of this part and of what it includes."""
        yield from self.relays
        for part in self.included:
            yield from part.all_relays()

    def all_published(self) -> Iterator[Topic[Any] | str]:
        """Yield the topics that this part and what it includes publish to, beside their handlers' answers."""
        yield from self.publishes
        for part in self.included:
            yield from part.all_published()

    def publisher(self) -> Publisher:
        """Return the publisher of this part's name; a new one if the default service was set anew since.

        Of threads that call it first at the same time, each may register the publisher, which is harmless.
        """
        settings = default_settings() if self.service is None else self.service
        if self.made is None or self.made[0] is not settings:
            self.made = (settings, Publisher(self.name, service=self.service))
        return self.made[1]
