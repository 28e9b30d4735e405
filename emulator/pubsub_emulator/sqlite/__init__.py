"""TODO room sqlite."""
