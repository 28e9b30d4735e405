"""The options that every command takes, before or after its name, and the service that they choose."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pubsubclient.cli.output import Output

if TYPE_CHECKING:
    from pubsubclient._http.service import Service
    from pubsubclient._http.transport import Transport
    from pubsubclient.cli.costs import CountingAdapter, Operations

__all__ = ["Command", "Common", "common_options", "pass_common"]

#: how long a call may take, seconds: someone waits at the terminal
_TIMEOUT_S = 10.0
_START_DEADLINE_S = 5.0
#: `pubsub bench` may have that many threads
_MAX_IDLE_CONNECTIONS = 64


class Common:
    """The values of the common options. `click` carries it through a command as its context's object."""

    def __init__(self) -> None:
        self.output = Output()
        self.service: str | None = None
        self.token: str | None = None
        self.timeout = _TIMEOUT_S
        #: what `pubsub emulator` and `pubsub exec` caught signals with, before click was imported
        self.signals: Any = None
        #: what stands after the `--` of `pubsub exec`
        self.user_command: list[str] | None = None
        self._adapter: CountingAdapter | None = None

    def chosen_service(self) -> Service:
        """Return the service that --service, the environment or config.json names. Raises ConfigurationError."""
        from pubsubclient._http.config import configure, find_service  # noqa: PLC0415 - `--help` needs no requests
        from pubsubclient.cli.costs import CountingAdapter  # noqa: PLC0415

        self._adapter = self._adapter or CountingAdapter(pool_maxsize=_MAX_IDLE_CONNECTIONS)
        start = min(self.timeout, _START_DEADLINE_S)
        configure(
            service=self.service,
            adapter=self._adapter,
            identity=self.token,
            deadline_s=self.timeout,
            start_deadline_s=start,
        )
        _log_to_stderr(silent=self.output.json or self.output.quiet)
        return find_service()

    def spent(self) -> Operations:
        """Return the store operations of this command so far."""
        from pubsubclient.cli.costs import Operations  # noqa: PLC0415 - it imports requests

        return self._adapter.spent if self._adapter is not None else Operations()

    def transport(self) -> Transport:
        """Return the connections to the chosen service. Raises ConfigurationError."""
        from pubsubclient._http.transport import Transport  # noqa: PLC0415 - it imports requests

        return Transport.to(self.chosen_service())


def common_options() -> list[click.Parameter]:
    """Return the options, for the group and for each command."""
    return [
        click.Option(["-s", "--service"], metavar="URL", help="Base URL of the service.", **_stored("service")),
        click.Option(["--json"], is_flag=True, default=None, help="JSON on stdout, errors too on stderr.", **_output("json")),
        click.Option(
            ["--timeout"], type=click.FloatRange(min=0, min_open=True), metavar="SECONDS",
            help=f"How long a call may take ({_TIMEOUT_S:g}).", **_stored("timeout"),
        ),
        click.Option(["--token"], metavar="TOKEN", help="ID token to send unchanged.", **_stored("token")),
        click.Option(
            ["--color"], type=click.Choice(["auto", "always", "never"]), help="When to use colours (auto).", **_output("color")
        ),
        click.Option(["-q", "--quiet"], is_flag=True, default=None, help="No notes and no progress.", **_output("quiet")),
    ]  # fmt: skip


class Command(click.Command):
    """A subcommand. It takes the common options too; its help only points to them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for option in common_options():
            option.hidden = True  # type: ignore[attr-defined]
            self.params.append(option)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the epilog, and where the common options are."""
        super().format_epilog(ctx, formatter)
        formatter.write_paragraph()
        formatter.write_text("Options of all commands: see `pubsub --help`.")


_Function = TypeVar("_Function", bound=Callable[..., Any])


def pass_common(function: _Function) -> _Function:
    """Decorate a command to get the `Common` as its first argument."""
    return click.make_pass_decorator(Common)(function)  # type: ignore[return-value]


def _stored(name: str) -> dict[str, Any]:
    return {"expose_value": False, "callback": _callback(lambda common: common, name)}


def _output(name: str) -> dict[str, Any]:
    return {"expose_value": False, "callback": _callback(lambda common: common.output, name)}


def _callback(target: Callable[[Common], object], name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def store(ctx: click.Context, _: click.Parameter, value: Any) -> None:
        if value is not None:
            setattr(target(ctx.ensure_object(Common)), name, value)

    return store


def _log_to_stderr(*, silent: bool) -> None:
    """Show the SDK's warnings as lines of the command."""
    logger = logging.getLogger("pubsubclient")
    if not logger.handlers:
        handler: logging.Handler = logging.NullHandler() if silent else logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("pubsub: %(message)s"))
        logger.addHandler(handler)
        logger.propagate = False
