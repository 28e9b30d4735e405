"""Workers: run handlers over the events of subscribers, and settle the events by what became of the run.

May import `_subscribe` and all below. Begin with `outcome` and `handler`, which say what a handler is; then `worker`, which
starts and ends the parts, and `schedule`, which says where each event is. `fetcher` brings events, `threads` and `loop` run
handlers, `keeper` keeps leases. `command` and `processes` are the command line.
"""
