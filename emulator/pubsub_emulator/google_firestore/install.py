"""Finds Google's Firestore emulator and a Java for it, or says what to install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pubsub_emulator.errors import EmulatorError

__all__ = ["NotInstalled", "find_jar", "find_java"]

#: the oldest Java that some jars run on; the newest jar needs 21 and says so itself when an older Java starts it
MIN_JAVA = 11
_IN_SDK = Path("platform/cloud-firestore-emulator/cloud-firestore-emulator.jar")
_SDK_PLACES = (
    "/usr/lib/google-cloud-sdk",
    "/usr/local/google-cloud-sdk",
    "/opt/google-cloud-sdk",
    "/opt/homebrew/share/google-cloud-sdk",
    "/usr/local/share/google-cloud-sdk",
    "/snap/google-cloud-cli/current",
)
_COMMAND_TIMEOUT_S = 20.0


class NotInstalled(EmulatorError):  # noqa: N818 - names the problem
    """Google's Firestore emulator, or a Java for it, is missing; the message says what to install."""


def find_jar() -> Path:
    """Return the path of the emulator's jar: the gcloud SDK's, else the newest in firebase's cache. Raises NotInstalled."""
    for root in _sdk_roots():
        if (root / _IN_SDK).is_file():
            return root / _IN_SDK
    cached = sorted(_firebase_cache().glob("cloud-firestore-emulator-v*.jar"), key=_version)
    if cached:
        return cached[-1]
    raise NotInstalled(
        "Google's Firestore emulator is not installed: "
        "run `gcloud components install cloud-firestore-emulator` "
        "(or `apt-get install google-cloud-cli-firestore-emulator` where gcloud came as a package), "
        "or `firebase setup:emulators:firestore`"
    )


def find_java() -> str:
    """Return the Java in JAVA_HOME, else the one on the PATH. Raises NotInstalled if it is missing, broken or too old."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    java = java or shutil.which("java")
    if java is None:
        raise NotInstalled(
            f"Google's Firestore emulator needs Java {MIN_JAVA}+ (21+ for the newest), which was not found: "
            "install a JRE, for example `apt-get install default-jre-headless`"
        )
    output = _output_of([java, "-version"])
    found = re.search(r'version "(?:1\.)?(\d+)', output)
    if found is None:
        raise NotInstalled(f"{java} does not work ({output.strip() or 'no output'}): install Java {MIN_JAVA}+")
    if int(found[1]) < MIN_JAVA:
        raise NotInstalled(f"{java} is Java {found[1]}: Google's Firestore emulator needs Java {MIN_JAVA}+")
    return java


def _sdk_roots() -> Iterator[Path]:
    """Yield possible roots of the gcloud SDK, the likeliest first. Running gcloud comes last: it takes a second."""
    for name in ("CLOUDSDK_ROOT_DIR", "CLOUDSDK_ROOT"):
        if os.environ.get(name):
            yield Path(os.environ[name])
    gcloud = shutil.which("gcloud")
    if gcloud:
        yield Path(gcloud).resolve().parent.parent
    yield Path.home() / "google-cloud-sdk"
    yield from map(Path, _SDK_PLACES)
    if gcloud:
        root = _output_of([gcloud, "info", "--format=value(installation.sdk_root)"]).strip().splitlines()
        if root:
            yield Path(root[-1])


def _firebase_cache() -> Path:
    configured = os.environ.get("FIREBASE_EMULATORS_PATH")
    return Path(configured) if configured else Path.home() / ".cache" / "firebase" / "emulators"


def _version(jar: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", jar.name)]


def _output_of(command: list[str]) -> str:
    """Return a command's stdout and stderr (``java -version`` writes to stderr), or why it did not run."""
    try:
        done = subprocess.run(  # noqa: S603 - found on the user's own PATH
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout + done.stderr
