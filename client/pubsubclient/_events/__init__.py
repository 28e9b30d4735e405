"""Topics and events, as a program makes them and as they are received; and the leases under which they are held."""

from pubsubclient._events.event_list import Events

__all__ = ["Events"]  # pickles made before this was a folder name it here
