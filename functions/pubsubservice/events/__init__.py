"""TODO room events."""
