"""A subscriber's document and the rules that change it: leases, due events, delays, filters, patterns and dead-lettering.

May import `log`, `events`, `storage` and `core`. Only `registry_cursor` reads the store, and nothing here writes to it:
`delivery` and `admin` do. Begin with `records` and `state`, then `leases`.
"""
