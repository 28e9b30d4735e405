"""Real processes under real faults: publishers, subscribers and functions are killed, frozen and lied to by the network,
and every promise is checked against the history they leave. ``docs/torture.md`` says how to read a report."""
