"""TODO room server."""
