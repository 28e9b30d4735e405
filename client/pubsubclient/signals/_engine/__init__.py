"""How a send finds its receivers and calls them.

Private: the public names are in `pubsubclient.signals`. May import `signals.errors`, `signals.wildcard` and
`_fork`, and nothing that uses the network. Begin with `registry`, then `route` and `send`.
"""
