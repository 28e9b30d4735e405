"""The foundation of all client modules: errors, names, JSON, argument checks, exit handling. No HTTP."""
