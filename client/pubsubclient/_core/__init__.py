"""What every room of the client may use: errors, names, JSON, checks of arguments, the end of the program; no HTTP."""
