"""``pubsub completion``: the shell's part of completion."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from pubsubclient.cli.common import Command, Common, pass_common

__all__ = ["command"]


@click.command(
    cls=Command,
    epilog='For bash, put `eval "$(pubsub completion bash)"` into ~/.bashrc; for zsh the same into ~/.zshrc; for fish, '
    "`pubsub completion fish > ~/.config/fish/completions/pubsub.fish`.",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_common
def command(common: Common, shell: str) -> None:
    """Print a script with which SHELL completes commands, options, topics, subscribers and publishers."""
    from pubsubclient.cli.group import pubsub  # noqa: PLC0415 - it imports this module

    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101 - click has these three
    # `source_template` is filled in here: `source()` runs bash only to ask for its version
    script = kind.source_template % kind(pubsub, {}, "pubsub", "_PUBSUB_COMPLETE").source_vars()
    if common.output.json:
        common.output.record({"shell": shell, "script": script})
    else:
        common.output.line(script)
