"""Topics and events, as a program makes them and as it receives them, and the leases under which it holds them.

May import `_http` and `_core`. Begin with `event`, then `lease`.
"""

from pubsubclient._events.event_list import Events

__all__ = ["Events"]  # pickles of an earlier version name the class by this module
