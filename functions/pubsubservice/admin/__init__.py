"""The calls beside publish and get_events: register, subscribe, seek, describe, explain and housekeeping.

May import `subscribers` and all below, not `delivery`. Begin with `subscriptions`.
"""
