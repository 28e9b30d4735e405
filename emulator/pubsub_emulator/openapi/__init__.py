"""TODO room openapi."""
