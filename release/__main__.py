"""``python -m release dist|check|version|changes``: build what is published, check it, and tell what a tag would do."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime, timezone
from pathlib import Path

from release import artifacts, version
from release.errors import ReleaseError
from release.plan import plan

_ROOT = Path(__file__).parents[1]


def main() -> int:
    """Run one command and return the exit code; what is not ready is told on stderr."""
    options = _parser().parse_args()
    try:
        if options.command == "dist":
            _dist()
        elif options.command == "check":
            for line in plan(_ROOT, _dist(), options.tag or None, on_host=options.on_host):
                print(line)
        elif options.command == "version":
            version.write(_ROOT, options.version, datetime.now(timezone.utc).date())
        else:
            print(version.changes_of(_ROOT, version.current(_ROOT), tagged=True)[1])
    except ReleaseError as error:
        sys.stderr.write(f"release: {error}\n")
        return 1
    return 0


def _dist() -> list[Path]:
    folder = _ROOT / "dist"
    for old in folder.glob("pubsubclient-*"):
        old.unlink()
    files = artifacts.build(_ROOT, folder)
    print(f"built twice, the same: {', '.join(file.name for file in files)}")
    artifacts.check(_ROOT, files, print)
    return files


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m release", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("dist", help="build dist/ and check it")
    check = commands.add_parser("check", help="the same, then tell what a tag would publish")
    check.add_argument("--tag", help="the tag, like v0.1.0; without it, the next one is meant")
    check.add_argument("--on-host", action="store_true", help="refuse what only the repository's host can fill in")
    change = commands.add_parser("version", help="write a version to every file that names it")
    change.add_argument("version")
    commands.add_parser("changes", help="print what the changelog says about this version")
    return parser


raise SystemExit(main())
