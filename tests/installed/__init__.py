"""Runs tests against the installed wheel, in a copy of this checkout that has no sources: nothing else can be imported.

``python -m tests.installed WHEEL [pytest's arguments]``; `make test-wheel` does it.
"""
