"""TODO room api."""
