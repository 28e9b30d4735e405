"""Topics, events to publish, received events, and the leases that hold them."""

from pubsubclient._events.event_list import Events

__all__ = ["Events"]  # pickles of an earlier version name the class by this module
