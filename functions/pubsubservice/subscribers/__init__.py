"""TODO room subscribers."""
