"""Calls one service over HTTP: finds its address, adds the caller's identity, and retries until a deadline."""
