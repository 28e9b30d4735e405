"""One service over HTTP: how it is found, who calls it, and calls that end by their deadline in an answer or an error.

May import `_core`. Begin with `transport` (a call and its tries), then `service` and `config` (where the service is).
"""
