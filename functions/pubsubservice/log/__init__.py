"""TODO room log."""
