"""The HTTP functions described in OpenAPI 3.1, made from the types that decode requests.

May import `errors`, and the service's types; no other room of the emulator. Begin with `document`.
"""
