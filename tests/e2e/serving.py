"""The emulator as users run it: a process of its own, spoken to over HTTP."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import uuid4

from requests.adapters import BaseAdapter

from pubsubclient.testing import Local

__all__ = ["InThisProcess", "Serving", "environment", "serving_on"]

_READY = "pubsub emulator ready: "


def environment(**more: str) -> dict[str, str]:
    """What other processes of a test get: what this one can import, and no service or store found by chance."""
    left_out = {
        "PUBLISH_SUBSCRIBE_SERVICE", "PUBLISH_SUBSCRIBE_TOKEN", "FIRESTORE_EMULATOR_HOST", "GOOGLE_CLOUD_PROJECT",
    }  # fmt: skip
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {**kept, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "PYTHONUNBUFFERED": "1", **more}


class Serving:
    """A process that runs ``pubsub emulator``, from construction until `kill` or `close`.

    Args:
        store: the arguments that say which store
        log: what the process writes to its standard error, request lines included
        more: further environment
        program: what to run instead of the command, as Python's arguments
    """

    #: what carries requests to it; None for HTTP
    adapter: BaseAdapter | None = None

    def __init__(
        self, store: list[str], log: Path, more: Mapping[str, str], program: Sequence[str] = ("-m", "pubsub_emulator")
    ) -> None:
        self._store = store
        self._program = program
        self._more = more
        self.log = log
        self.url = ""
        self._start(port=0)

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def kill(self) -> None:
        """End it as a crash does (SIGKILL)."""
        self._process.kill()
        self._process.communicate()

    def restart(self) -> None:
        """Start it again, where it was."""
        self._start(port=int(self.url.rpartition(":")[2]))

    def another(self) -> Serving:
        """One more process over the same store."""
        return Serving(self._store, self.log, self._more, self._program)

    def close(self) -> None:
        """End it as one is asked to; kills it if it would not."""
        self._process.terminate()
        try:
            self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.kill()

    def _start(self, port: int) -> None:
        command = [sys.executable, *self._program, "emulator", *self._store, "--port", str(port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--log-requests"],
                env=environment(**self._more),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(_READY), self.log.read_text()
        self.url = line.removeprefix(_READY).strip()


class InThisProcess:
    """The service as tests of programs run it, over a store in memory, without a socket."""

    def __init__(self) -> None:
        self._local = Local()
        service = self._local.service
        self.url, self.adapter = service.urls["publish"].removesuffix("/publish"), service.adapter

    def close(self) -> None:
        """End it."""
        self._local.close()


def serving_on(store: str, google: str | None, directory: Path) -> Serving:
    """The emulator over a new store: "sqlite" in `directory`, or "firestore", Google's emulator at `google`.

    "framework" is SQLite too, with the functions served by functions-framework as in the cloud.
    """
    log = directory / "emulator.log"
    if store == "framework":
        return Serving(["--data-dir", str(directory / store)], log, {}, [str(Path(__file__).parent / "framework.py")])
    if google is None:
        return Serving(["--data-dir", str(directory / store)], log, {})
    # a project of its own: what Google's emulator isolates
    return Serving(["--firestore", google], log, {"GOOGLE_CLOUD_PROJECT": f"e2e-{uuid4().hex[:12]}"})
