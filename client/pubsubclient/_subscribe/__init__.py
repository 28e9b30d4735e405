"""Subscribing: getting events, and saying what became of them."""
