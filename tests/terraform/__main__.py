"""``python -m tests.terraform``: all checks of the module, a line each; exits with 1 if one failed, 2 if it could not run."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from .checks import CHECKS
from .installed import NotInstalled
from .tree import Failed, Tree


def main() -> int:
    failed = False
    with tempfile.TemporaryDirectory(prefix="terraform") as folder:
        tree = Tree(Path(folder))
        for name, check in CHECKS.items():
            began = time.monotonic()
            try:
                said = check(tree)
            except Failed as found:
                failed = True
                said = f"FAILED\n{found}"
            except NotInstalled as absent:
                print(absent, file=sys.stderr)
                return 2
            print(f"{name:10} {time.monotonic() - began:5.1f} s  {said}", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
