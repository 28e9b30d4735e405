"""An app with orders and invoices, handlers and tasks, and tests in Django's own test cases."""
