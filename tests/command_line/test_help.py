"""What the command says of itself, and what that costs."""

from __future__ import annotations

import json
import resource
import subprocess
import sys

import pytest

from command_line.conftest import COMMAND, Run
from e2e.serving import Serving, environment
from pubsubclient.cli.group import NAMES

#: `pubsub worker` hands its arguments on
_OWN_HELP = [name for name in NAMES if name != "worker"]
_HEAVY = {"requests", "flask", "functions_framework", "msgspec", "grpc"}
_MODULES = """
import json, sys
from pubsubclient.cli import main
code = main(sys.argv[1:])
sys.stderr.write(json.dumps(sorted(sys.modules)))
sys.exit(code)
"""


def _imports(*arguments: str) -> set[str]:
    """The modules that a command line imports."""
    done = subprocess.run(
        [sys.executable, "-c", _MODULES, *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
        timeout=60,
    )
    return set(json.loads(done.stderr))


@pytest.mark.parametrize("command", ["", *_OWN_HELP])
@pytest.mark.parametrize("columns", [80, 120])
def test_help_fits_the_terminal(command: str, columns: int, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    done = run(*command.split(), "--help")
    assert (done.code, done.err) == (0, "")
    assert max(map(len, done.out.splitlines())) <= 80
    assert done.out.startswith(f"Usage: {' '.join(['pubsub', *command.split()])}")


@pytest.mark.parametrize("command", _OWN_HELP)
def test_each_option_is_explained(command: str, run: Run) -> None:
    """Also those of all commands, by one line that says where."""
    import click

    from pubsubclient.cli.group import pubsub

    found = pubsub.get_command(click.Context(pubsub), command)
    assert found is not None
    assert found.help
    assert all(option.help for option in found.params if isinstance(option, click.Option))
    assert "see `pubsub --help`" in run(command, "-h").out


@pytest.mark.parametrize("arguments", [["--help"], ["publish", "--help"], ["emulator", "--help"], ["--version"]])
def test_help_imports_little(arguments: list[str]) -> None:
    assert not _HEAVY & _imports(*arguments)


def test_no_command_shows_the_help_and_fails(run: Run) -> None:
    done = run()
    assert (done.code, done.out) == (2, "")
    assert "Usage: pubsub" in done.err


def test_a_misspelt_command_is_one_line(run: Run) -> None:
    done = run("pubish")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("pubsub: No such command 'pubish'")
    assert done.err.count("\n") == 1


def _complete(words: str, url: str) -> tuple[list[str], str]:
    """What bash is told for a line, and what the user would see."""
    told = {"_PUBSUB_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    variables = environment(PUBLISH_SUBSCRIBE_SERVICE=url, **told)
    done = subprocess.run(COMMAND, capture_output=True, text=True, env=variables, check=False, timeout=60)
    return [line.partition(",")[2] for line in done.stdout.split()], done.stderr


def _names(words: str, url: str) -> list[str]:
    """The same, tried again like a user who presses Tab again: a loaded machine may need more time than completion takes."""
    for _ in range(20):
        if found := _complete(words, url)[0]:
            return found
    return []


def test_names_of_the_service_complete(run: Run, name: str, shared: Serving) -> None:
    for kind in ("one", "two"):
        assert run("create", "topic", f"{name}.{kind}").code == 0
        assert run("subscribe", f"{name}-{kind}", f"{name}.{kind}").code == 0
    assert _names(f"pubsub publish {name}", shared.url) == [f"{name}.one", f"{name}.two"]
    assert _names(f"pubsub get {name}-t", shared.url) == [f"{name}-two"]
    assert _names(f"pubsub describe subscriber {name}", shared.url) == [f"{name}-one", f"{name}-two"]
    assert _names(f"pubsub -s {shared.url} publish {name}.o", "http://127.0.0.1:1") == [f"{name}.one"]
    assert "--follow" in _complete("pubsub tail --f", shared.url)[0]
    assert "publish" in _complete("pubsub pub", shared.url)[0]


def test_completion_is_silent_where_nothing_answers() -> None:
    """Nor does it wait: a service that hangs costs a quarter of a second."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        hanging = f"http://127.0.0.1:{silent.getsockname()[1]}"
        for url in ("http://127.0.0.1:1", hanging, "nonsense", ""):
            found, said = _complete("pubsub publish t", url)
            assert (found, said) == ([], "")


def test_completion_is_quick(run: Run, name: str, shared: Serving) -> None:
    """Half a second, of which a quarter is for the service: so the rest may take a quarter of the processor's time."""
    from pubsubclient.cli import completing

    assert completing._TIMEOUT_S <= 0.25
    assert run("create", "topic", name).code == 0
    assert _names(f"pubsub publish {name}", shared.url) == [name]
    spent_s: list[float] = []
    for _ in range(5):  # the quickest counts: other processes slow down the caches, which is the processor's time too
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        _complete(f"pubsub publish {name}", shared.url)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent_s.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    print(f"{min(spent_s):.3f} s")
    assert min(spent_s) < 0.5  # twice as much, for a loaded machine


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(shell: str, run: Run) -> None:
    done = run("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert f"_PUBSUB_COMPLETE={shell}_complete" in done.out
