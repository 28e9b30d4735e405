"""Workers: run handlers over the events of subscribers, and settle the events by what became of the run.

May import `_subscribe` and all below. Begin with `outcome`, then `handler`.
"""
