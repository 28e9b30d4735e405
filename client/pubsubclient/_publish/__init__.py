"""Publishing: one event, a list, or a batch in the background, and what a failure says about each event.

May import `_events`, `_http` and `_core`. Begin with `publisher`, then `batch` and `batch_driver`.
"""
