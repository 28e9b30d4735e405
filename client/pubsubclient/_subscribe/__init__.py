"""Manages subscriptions, fetches events, and settles them."""
