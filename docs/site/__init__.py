"""The documentation's site: Sphinx's settings, what the pages are made into, and how a release publishes them.

`make docs` builds it of the pages in ``docs``, which read well without it too. `docs/index.md` lists them.
"""
