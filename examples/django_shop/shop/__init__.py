"""A shop: orders leave with their transactions, and come back to a handler, which writes an invoice and mails it."""
