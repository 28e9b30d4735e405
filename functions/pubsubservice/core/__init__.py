"""TODO room core."""
