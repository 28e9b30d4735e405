"""The service without one rule of removed names each: what is late from an earlier life of a name acts in a later one."""

from __future__ import annotations

from pubsubservice.admin.removal import Removal
from pubsubservice.admin.subscriptions import Subscriptions
from pubsubservice.delivery.dead_letters import DeadLetters
from pubsubservice.delivery.get_events import Delivery
from pubsubservice.service import Service
from pubsubservice.storage.port import Doc
from pubsubservice.subscribers.dead_lettering import DeadLettering
from pubsubservice.subscribers.leases import Leases
from pubsubservice.subscribers.records import Due
from pubsubservice.subscribers.spans import Span
from pubsubservice.subscribers.state import State

__all__ = ["REMOVAL_RULES"]


class LeasedAgain(Service):
    """A token of an earlier life makes a lease."""

    class delivery_type(Delivery):
        class leases_type(Leases):
            def used(self, token: str) -> bool:
                return self.state.ended.used(token)


class ChangedAfterwards(Service):
    """A call to subscribe, seek or unsubscribe in an earlier life is carried out."""

    class subscriptions_type(Subscriptions):
        def _check_life(self, token: str, state: State) -> None:
            pass


class RemovedAgain(Service):
    """A removal of an earlier life removes a later one."""

    class removal_type(Removal):
        def _check_life(self, kind: str, name: str, token: str, doc: Doc) -> None:
            pass


class NoTokenNeeded(Service):
    """A removal without a token is as new as when it comes."""

    class removal_type(Removal):
        def _check_token(self, token: str | None) -> str:
            return token or f"{self._store.get_many(['subscribers/T']).time}-late"


class OneLifeOnly(Service):
    """Dead letters of two lives have one id."""

    class delivery_type(Delivery):
        class dead_lettering_type(DeadLettering):
            def _die(self, due: Due, event: Span) -> None:
                super()._die(due, event)
                self.state.dead[-1].life = 0


class AnyLifesDeaths(Service):
    """A call that has published dead letters of an earlier life takes deaths of a later one out of `dead`."""

    class dead_letters_type(DeadLetters):
        def _same_life(self, published: State, doc: Doc) -> bool:
            return True


class RemovedUnread(Service):
    """What is removed need not be what was read."""

    class removal_type(Removal):
        def _remove(self, doc: Doc) -> bool:
            self._store.delete([doc.path])
            return True


class DeadDropped(Service):
    """Dead letters that are not published go with their subscriber."""

    class removal_type(Removal):
        def _ready(self, doc: Doc, *, publish: bool, force: bool) -> bool:
            return True


#: each rule, and the service that lacks it
REMOVAL_RULES: dict[str, type[Service]] = {
    "a token of an earlier life makes no lease": LeasedAgain,
    "a change of an earlier life changes nothing": ChangedAfterwards,
    "a removal of an earlier life removes nothing": RemovedAgain,
    "a removal has a token": NoTokenNeeded,
    "dead letters tell lives apart": OneLifeOnly,
    "deaths of a later life stay": AnyLifesDeaths,
    "a removal is of what was read": RemovedUnread,
    "dead letters come before a removal": DeadDropped,
}
