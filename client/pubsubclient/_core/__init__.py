"""What every room of the client may use: errors, names, JSON, checks of arguments, and the end of the program; no HTTP.

May import `_fork` alone. Begin with `errors`, then `arguments` and `at_exit`.
"""
