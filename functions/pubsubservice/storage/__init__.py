"""TODO room storage."""
