"""Publishing: one event, a list, or a batch in the background; what the service answers, and what a failure means."""
