"""Redrive: publishes a subscriber's dead letters again, in the topics that they came from, for that subscriber alone.

May import `admin`, `delivery` and all below. Begin with `redriving`, then `step`.
"""
