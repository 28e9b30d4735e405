"""Answers get_events: applies settlements, redelivers due events, reads new ones, and publishes dead letters.

May import `subscribers` and all below, not `admin`. Begin with `get_events` (the order of the rules), then `reader` and
`redelivery`.
"""
