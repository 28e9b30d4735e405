"""How a send finds its receivers and calls them. Private: the public names are in `pubsubclient.signals`."""
