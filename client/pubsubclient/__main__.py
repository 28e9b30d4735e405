"""``python -m pubsubclient``: the doctor, with `requests` alone."""

from __future__ import annotations

import argparse
import sys

from pubsubclient._doctor.report import report


def main() -> int:
    """Run the doctor and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m pubsubclient",
        description="Find out why programs in this directory cannot use their service.",
        epilog="Exit code 0: all is well, or there are warnings; 1: there are faults.",
    )
    parser.add_argument("--service", metavar="URL", help="base URL of the service (as programs find it)")
    parser.add_argument("--json", action="store_true", help="write the findings as JSON")
    parser.add_argument("--quiet", action="store_true", help="write nothing; the exit code says it")
    parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
    options = parser.parse_args()
    return report(options.service, as_json=options.json, quiet=options.quiet, strict=options.strict)


if __name__ == "__main__":
    sys.exit(main())
