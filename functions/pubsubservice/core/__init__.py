"""What every room of the service may use: names, patterns, ownership, settings, problems, times, the clock and the locks.

May import no other room. Begin with `problems` (what a caller is told) and `settings` (the numbers), then `runtime`.
"""
