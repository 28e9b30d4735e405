"""The subcommands of `pubsub`, one a file; each file has one ``command``, which `pubsubclient.cli.group` imports on use."""
