"""TODO room delivery."""
