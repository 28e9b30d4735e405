"""Checks of a real Google Cloud project, by hand: what no emulator can tell."""
