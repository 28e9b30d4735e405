"""HTTP: decodes and checks requests, encodes responses, identifies callers, and holds the service of the process."""
