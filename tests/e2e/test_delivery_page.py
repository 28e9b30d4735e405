"""The page for users about delivery: its snippets are run, one after the other."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from e2e.serving import Serving, environment

PAGE = Path(__file__).parents[2] / "docs" / "delivery.md"


def test_its_snippets_go_on_from_each_other(serving: Serving, tmp_path: Path) -> None:
    """As somebody pastes them."""
    program = "\n".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL))
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        env=environment(PUBLISH_SUBSCRIBE_SERVICE=serving.url),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "was not read yet" in ran.stdout
