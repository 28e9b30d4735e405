"""Publishes one event, a list, or a batch in the background; reads receipts, and raises the errors of a publish."""
