"""Which thread sends the first packet of a batch, and when: pure rules."""

from __future__ import annotations

from pubsubclient._publish.packet import Packet
from pubsubclient._publish.queue import Queue

__all__ = ["IDLE_S", "Rules"]

#: after so long without an event, the batch's thread does what callers left, seconds
IDLE_S = 0.01
#: a packet of so many events is filled fast, by a caller who comes by to send it
_MANY_EVENTS = 64


class Rules:
    """The rules for one queue, whose lock the caller holds.

    Args:
        queue: the packets
        max_delay_s: the longest time that an event waits for others to share its request
        callers_send: whether callers of `publish` may send at all
    """

    def __init__(self, queue: Queue, max_delay_s: float, *, callers_send: bool) -> None:
        self._queue = queue
        self._max_delay_s = max_delay_s
        self._callers_send = callers_send

    def is_for_caller(self, packet: Packet, now: float) -> bool:
        """Whether a caller reads the answer for the first packet, or sends the packet now."""
        if not self._is_for_callers(packet):
            return False
        if packet.started or self._queue.first_is_full:
            return True
        return packet.count >= _MANY_EVENTS and now >= packet.since + self._max_delay_s

    def due_s(self, now: float, *, idle: bool) -> float | None:
        """Return when the batch's thread has to take the first packet, monotonic seconds; None if there is none.

        `idle`: nobody has published for some time, so no caller will send.
        """
        queue = self._queue
        packet = queue.first
        if packet is None:
            return None
        if queue.closed or queue.hurries:
            return now
        for_callers = self._is_for_callers(packet) and not idle
        # a caller who fills packets fast comes by in time
        grace_s = IDLE_S if for_callers else 0.0
        if not packet.started and not queue.first_is_full:
            return packet.since + self._max_delay_s + (grace_s if packet.count >= _MANY_EVENTS else 0.0)
        if not for_callers:
            return now
        due_s = now + 2 * grace_s
        return due_s if len(queue.packets) == 1 else min(due_s, queue.packets[1].since + self._max_delay_s + grace_s)

    def _is_for_callers(self, packet: Packet) -> bool:
        """Whether a caller may do what the packet needs next; the thread does it where somebody waits, or something failed."""
        exchange = packet.exchange
        if packet.started and (exchange is None or exchange.failure is not None or packet.results is not None):
            return False
        return self._callers_send and packet.one_topic and not packet.watched and not self._queue.closed
