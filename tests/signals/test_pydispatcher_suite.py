"""PyDispatcher's own tests and examples, from its source distribution, run against our modules under its names.

PYDISPATCHER_SDIST names the archive (``pip download --no-deps --no-binary :all: PyDispatcher==2.0.7``). Its files are
not ours and not copied. Without it the tests are skipped, but fail under CI=true.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sources import source_of, unpacked

#: Runs a file with `pydispatch` standing for our package. The tests look at PyDispatcher's private tables to see
#: whether all is cleaned up; ours are looked at in their place.
RUNNER = """
import runpy, sys, unittest
from pubsubclient import pydispatch
from signals.clean import assert_clean

sys.modules["pydispatch"] = pydispatch
for name in pydispatch.__all__:
    sys.modules[f"pydispatch.{name}"] = getattr(pydispatch, name)
if sys.argv[2] == "example":
    runpy.run_path(sys.argv[1], run_name="__main__")
else:
    found = runpy.run_path(sys.argv[1])
    cases = [case for case in found.values() if isinstance(case, type) and issubclass(case, unittest.TestCase)]
    for case in cases:
        if hasattr(case, "_isclean"):
            case._isclean = lambda self: assert_clean()
    suite = unittest.TestSuite(unittest.defaultTestLoader.loadTestsFromTestCase(case) for case in cases)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    sys.exit(not result.wasSuccessful() or result.testsRun == 0)
"""

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def distribution(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked source distribution."""
    return unpacked(source_of("PyDispatcher", "PYDISPATCHER_SDIST"), tmp_path_factory.mktemp("pydispatcher"))


def run(file: Path, kind: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join([str(ROOT / "client"), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-c", RUNNER, str(file), kind],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["test_dispatcher", "test_robustapply", "test_saferef"])
def test_its_own_tests_pass(distribution: Path, name: str) -> None:
    done = run(distribution / "tests" / f"{name}.py", "tests")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hello_messages", "Signal was sent by {}"),
        ("minimal", "Signal received {'sample': 'event'}"),
        ("simple_sample", "doSomethingUseful 'Table Argument' 0 Node( 'an object' )"),
        ("extra_args", "Specialized event for {} moo='this'"),
    ],
)
def test_its_examples_run(distribution: Path, name: str, says: str) -> None:
    done = run(distribution / "examples" / f"{name}.py", "example")
    assert done.returncode == 0, done.stderr
    assert says in done.stdout


def test_each_difference_that_the_guide_shows_is_one(distribution: Path) -> None:
    """Its program fails with PyDispatcher itself; that it runs with ours is a test of the documents."""
    page = (ROOT / "docs" / "from-pydispatcher.md").read_text(encoding="utf-8")
    programs = re.findall(r"^\*\*(\d)\. .*?^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert [number for number, _ in programs] == list("123456789")
    for number, program in programs:
        done = subprocess.run(
            [sys.executable, "-c", f"from pydispatch import dispatcher\n{program}"],
            env={**os.environ, "PYTHONPATH": str(distribution)},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 1, f"{number}: {done.stdout}{done.stderr}"
        assert done.stderr.splitlines()[-1].startswith(("AssertionError", "ValueError: unknown reciever")), done.stderr
