"""Where Google's Firestore emulator is on this machine, or what to install."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from pubsub_emulator.errors import EmulatorError

__all__ = ["NotInstalled", "find_jar", "find_java"]

#: enough for older jars; the newest wants 21, and says so itself when it is started on less
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
_ANSWER_TIMEOUT_S = 20.0


class NotInstalled(EmulatorError):  # noqa: N818 - says what is the matter
    """Google's Firestore emulator, or Java for it, is not there; the message says what to install."""


def find_jar() -> Path:
    """The emulator's jar: the gcloud SDK's, else the newest in the firebase cache. Raises NotInstalled."""
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
    """The Java to run it: JAVA_HOME's, else the PATH's. Raises NotInstalled if there is none, or too old."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    java = java or shutil.which("java")
    if java is None:
        raise NotInstalled(
            f"Google's Firestore emulator needs Java {MIN_JAVA}+ (21+ for the newest), and there is none: "
            "install a JRE, for example `apt-get install default-jre-headless`"
        )
    said = _ask([java, "-version"])
    found = re.search(r'version "(?:1\.)?(\d+)', said)
    if found is None:
        raise NotInstalled(f"{java} does not work ({said.strip() or 'no answer'}): install Java {MIN_JAVA}+")
    if int(found[1]) < MIN_JAVA:
        raise NotInstalled(f"{java} is Java {found[1]}: Google's Firestore emulator needs Java {MIN_JAVA}+")
    return java


def _sdk_roots() -> Iterator[Path]:
    """Where the SDK may be, the certain places first; gcloud is asked last because it takes a second."""
    for name in ("CLOUDSDK_ROOT_DIR", "CLOUDSDK_ROOT"):
        if os.environ.get(name):
            yield Path(os.environ[name])
    gcloud = shutil.which("gcloud")
    if gcloud:
        yield Path(gcloud).resolve().parent.parent
    yield Path.home() / "google-cloud-sdk"
    yield from map(Path, _SDK_PLACES)
    if gcloud:
        root = _ask([gcloud, "info", "--format=value(installation.sdk_root)"]).strip().splitlines()
        if root:
            yield Path(root[-1])


def _firebase_cache() -> Path:
    place = os.environ.get("FIREBASE_EMULATORS_PATH")
    return Path(place) if place else Path.home() / ".cache" / "firebase" / "emulators"


def _version(jar: Path) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", jar.name)]


def _ask(command: list[str]) -> str:
    """What a command says, on either stream (``java -version`` uses the second)."""
    try:
        done = subprocess.run(  # noqa: S603 - found on the user's own PATH
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout + done.stderr
