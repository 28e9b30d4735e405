"""Apps: functions declared as handlers of events, what they are called with, and what their end means for the event.

May import `_worker` and all below. Begin with `app`, then `declaration` and `runner`.
"""
