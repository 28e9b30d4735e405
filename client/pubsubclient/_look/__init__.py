"""Looking inside: events of topics without a subscriber, and the states of topics and subscribers. Nothing is changed.

May import `_subscribe` and all below. Begin with `peek`.
"""
