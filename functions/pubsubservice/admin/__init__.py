"""TODO room admin."""
