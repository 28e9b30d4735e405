"""``python -m standin -- COMMAND…``: run a command with the stand-in for its providers; the exit code is the command's."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from standin.serving import reattachable


def main(arguments: list[str]) -> int:
    if arguments[:1] != ["--"] or not arguments[1:]:
        sys.exit("usage: python -m standin -- COMMAND [ARGUMENT…]")
    with reattachable() as providers:
        environment = {**os.environ, "TF_REATTACH_PROVIDERS": json.dumps(providers)}
        return subprocess.call(arguments[1:], env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
