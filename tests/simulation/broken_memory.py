"""The service without one rule each of what it may judge from memory."""

from __future__ import annotations

from pubsubservice.core.problems import Problem
from pubsubservice.delivery.get_events import Delivery
from pubsubservice.service import Service
from pubsubservice.storage.port import Doc

__all__ = ["MEMORY_RULES"]


class UnprovenAnswers(Service):
    """An answer that writes nothing counts, though nothing shows that what it was judged by is the newest."""

    class delivery_type(Delivery):
        def _proves(self, remembered: Doc, stored: Doc) -> bool:
            return True


class UnprovenRefusals(Service):
    """What memory refuses is refused."""

    class delivery_type(Delivery):
        def _refused(self, problem: Problem) -> None:
            raise problem


#: each rule of what is judged from memory, and the service that lacks it
MEMORY_RULES: dict[str, type[Service]] = {
    "an answer from memory is proven by its update": UnprovenAnswers,
    "memory refuses nothing": UnprovenRefusals,
}
