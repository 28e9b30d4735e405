"""A subscriber's state, and the rules of leases, redelivery, filters and patterns. No I/O but the reads of the registry."""
