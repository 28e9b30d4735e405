"""Changes the import line of a program for PyDispatcher: python port.py program.py > ported.py"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_IMPORT = re.compile(r"^(\s*(?:from|import)\s+)pydispatch\b", re.MULTILINE)


def ported(program: str) -> str:
    return _IMPORT.sub(r"\1pubsubclient.pydispatch", program)


if __name__ == "__main__":
    sys.stdout.write(ported(Path(sys.argv[1]).read_text(encoding="utf-8")))
