"""The console: a page that shows what is inside a service, and that browsers get from it.

May import `server` and `errors`; no other room of the emulator. Begin with `page`; the files that it serves are in `page/`.
"""
