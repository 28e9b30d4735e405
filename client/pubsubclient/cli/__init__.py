"""The command `pubsub`: its subcommands, their output, and their exit codes.

Needs the extra ``cli`` (click). May import every room of the client; nobody imports it. Begin with `run`, then `group`, which
lists the commands; each of them is a file in `commands`. `emulator`, `exec` and `token` are in the package `pubsub_emulator`.
"""

from pubsubclient.cli.run import main

__all__ = ["main"]
