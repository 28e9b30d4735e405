"""Containers of an image without an engine: what `docker run` and `docker exec` do, by the namespaces of Linux.

A container has processes, network, mounts and a host name of its own. Its files are read-only, except /tmp and its volume.
Its first process has the number 1, so signals reach it as they do under an engine. Needs root, or sudo without a password.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

__all__ = ["AS_ROOT", "ROOT", "Container", "Image", "run_as_root"]

ROOT = Path(__file__).parents[2]
AS_ROOT = () if os.geteuid() == 0 else ("sudo", "--non-interactive")
_BUILDAH = str(ROOT / "docker" / "buildah.sh")

#: makes the container's mounts and becomes its first process; arguments: the image's files, the volume, user, and the command
_START = """
set -e
files=$1 volume=$2 user=$3
shift 3
ip link set lo up
printf '127.0.0.1 localhost pubsub\\n' >"$files/etc/hosts"
mount --bind "$files" "$files"
mount --options remount,bind,ro "$files"
mount --bind "$volume" "$files/data"
mount --bind /dev "$files/dev"
mount --types proc proc "$files/proc"
mount --types tmpfs tmpfs "$files/tmp"
exec chroot --userspec "$user" "$files" /usr/bin/env --ignore-environment "$@"
"""


def run_as_root(*command: str | Path) -> str:
    """Return what a command prints; fails if it fails."""
    arguments = [*AS_ROOT, *map(str, command)]
    done = subprocess.run(arguments, check=False, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


class Image(NamedTuple):
    """A built image: its files, mounted, and its configuration as Docker knows it."""

    files: Path
    config: dict[str, Any]

    @classmethod
    def mounted(cls, name: str) -> tuple[Image, str]:
        """Return the image called `name`, and the name that `unmount` takes."""
        container = run_as_root(_BUILDAH, "from", name).strip()
        files = Path(run_as_root(_BUILDAH, "mount", container).strip())
        return cls(
            files, json.loads(run_as_root(_BUILDAH, "inspect", "--type", "image", name))["Docker"]["config"]
        ), container

    @staticmethod
    def remove(name: str, container: str) -> None:
        """Delete the image and what `mounted` made of it."""
        run_as_root(_BUILDAH, "rm", container)
        run_as_root(_BUILDAH, "rmi", name)

    def volume(self, folder: Path) -> Path:
        """Make a new volume at `folder`: like an engine, with the owner and mode of the image's /data."""
        run_as_root("cp", "--archive", self.files / "data", folder)
        return folder


class Container:
    """A running container, from construction until `stop`, `kill` or the end of the `with` block, which kills it.

    Args:
        image: what to run
        volume: the directory that is /data
        arguments: what follows the image's name in `docker run`
        entrypoint: instead of the image's
        environment: more variables
        network: the container whose network this one shares
        ready: text of the line on stdout or stderr to wait for
    """

    def __init__(
        self,
        image: Image,
        volume: Path,
        *arguments: str,
        entrypoint: Sequence[str] = (),
        environment: Sequence[str] = (),
        network: Container | None = None,
        ready: str = "pubsub emulator ready: ",
    ) -> None:
        config = image.config
        self._environment = [f"--chdir={config['WorkingDir']}", *config["Env"], *environment]
        self._user = config["User"]
        self.health_command: list[str] = config["Healthcheck"]["Test"][1:]
        self._stop_signal = signal.Signals[config["StopSignal"]]
        join = ("nsenter", f"--net=/proc/{network.pid}/ns/net") if network else ()
        isolate = [
            "unshare",
            "--fork",
            "--kill-child",
            "--pid",
            "--mount",
            "--uts",
            "--ipc",
            *(() if network else ["--net"]),
        ]
        command = [*(entrypoint or config["Entrypoint"]), *arguments]
        self._process = subprocess.Popen(
            [
                *(*AS_ROOT, *join, *isolate, "sh", "-c", _START, "sh"),
                *(str(image.files), str(volume), self._user, *self._environment, *command),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.printed = ""
        self.wait_for(ready)

    @property
    def pid(self) -> int:
        """The number that the container's first process has on this machine."""
        pid = _first_process(self._process.pid)
        assert pid is not None, f"it is not running: {self.printed}"
        return pid

    def wait_for(self, text: str) -> str:
        """Wait until a line has `text`, and return that line."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.printed += line
            if text in line:
                return line
        self._process.communicate(timeout=60)
        raise AssertionError(f"it ended without {text!r}: {self.printed}")

    def execute(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the container, as `docker exec` does, and return how it ended."""
        user, _, group = self._user.partition(":")
        return subprocess.run(
            [
                *(*AS_ROOT, "nsenter", "--target", str(self.pid), "--all", "--root", "--setuid", user, "--setgid", group),
                *("/usr/bin/env", "--ignore-environment", *self._environment, *command),
            ],
            check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip

    def reached_by(self, *command: str) -> list[str]:
        """Return the command line that runs `command`, a program of this machine, in the container's network."""
        return [*AS_ROOT, "nsenter", f"--net=/proc/{self.pid}/ns/net", *command]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the first process."""
        run_as_root("kill", f"-{number.value}", str(self.pid))

    def executed(self, *command: str) -> str:
        """Return what a command prints in the container; fails if it fails."""
        done = self.execute(*command)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def stop(self) -> tuple[int, float]:
        """Ask it to end, as `docker stop` does; return its exit code and the seconds it took."""
        began = time.monotonic()
        self.signal(self._stop_signal)
        rest, _ = self._process.communicate(timeout=60)
        self.printed += rest
        return self._process.returncode, time.monotonic() - began

    def kill(self) -> None:
        """End it as a crash does."""
        self.signal(signal.SIGKILL)
        self._process.communicate(timeout=60)

    def __enter__(self) -> Container:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.kill()


def _first_process(pid: int) -> int | None:
    """Find the descendant of a process that is number 1 in a namespace of its own."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        for child in children:
            status = Path(f"/proc/{child}/status").read_text()
            if re.search(r"^NSpid:.*\t1$", status, re.MULTILINE):
                return child
    except FileNotFoundError:
        return None
    return next(filter(None, map(_first_process, children)), None)
