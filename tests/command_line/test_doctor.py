"""The doctor: each planted fault is found by its code, and no other with it; nothing is found where all is well."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from command_line.conftest import Run
from command_line.faulty import answering, closed_port, problem, silent, tls
from e2e.serving import Serving, environment
from pubsubclient import Finding, doctor

_SETTING = "PUBLISH_SUBSCRIBE_SERVICE"
_NAMES: Mapping[str, object] = {"names": []}
#: google-auth as if it were not installed
_WITHOUT_GOOGLE_AUTH = """
import sys
class Nowhere:
    def find_spec(self, name, *_):
        if name.partition(".")[0] == "google":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Nowhere())
"""
#: room for some threads, each of which takes much
_FEW_THREADS = """
import resource, threading
threading.stack_size(256 << 20)
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, resource.RLIM_INFINITY))
"""


class Place(NamedTuple):
    """Where the doctor looks: a folder, the environment, and listeners that end with the test."""

    folder: Path
    variables: dict[str, str]
    listeners: ExitStack
    well: str
    #: what is run before the doctor in its process
    before: list[str]

    def config(self, text: object) -> None:
        (self.folder / "config.json").write_text(text if isinstance(text, str) else json.dumps(text))

    def service(self, url: str) -> None:
        self.variables[_SETTING] = url


def _no_service(place: Place) -> None:
    place.variables.clear()


def _bad_config(place: Place) -> None:
    place.variables.clear()
    place.config('{"PUBLISH_SUBSCRIBE_SERVICE": "http://127.0.0.1:8000",}')


def _misspelt_config(place: Place) -> None:
    place.variables.clear()
    place.config({"publish_subscribe_service": "http://127.0.0.1:8000"})


def _bad_url(place: Place) -> None:
    place.service("127.0.0.1:8000")


def _refused(place: Place) -> None:
    place.service(f"http://127.0.0.1:{closed_port()}")


def _hanging(place: Place) -> None:
    place.service(place.listeners.enter_context(silent()))


def _unknown_host(place: Place) -> None:
    place.service("http://pubsub.invalid:8000")


def _web_page(place: Place) -> None:
    place.service(
        place.listeners.enter_context(answering("<html>Welcome</html>", Content_Type="text/html", Server="nginx"))
    )


def _other_json(place: Place) -> None:
    place.service(place.listeners.enter_context(answering({"hello": "world"}, X_Service_Version="")))


def _not_found(place: Place) -> None:
    place.service(place.listeners.enter_context(answering("no", 404)))


def _not_http(place: Place) -> None:
    place.service(place.listeners.enter_context(answering("", raw=b"220 mail ESMTP\r\n")))


def _proxy(place: Place) -> None:
    place.service("http://pubsub.example")
    place.variables["HTTP_PROXY"] = place.variables["http_proxy"] = f"http://127.0.0.1:{closed_port()}"
    place.variables["NO_PROXY"] = place.variables["no_proxy"] = ""


def _tls(place: Place) -> None:
    place.service(place.listeners.enter_context(tls(place.folder)))


def _shadowed(place: Place) -> None:
    place.config({_SETTING: "http://127.0.0.1:9"})


def _clock(place: Place) -> None:
    place.service(place.listeners.enter_context(answering(_NAMES, Date="Sat, 28 Nov 2020 10:00:00 GMT")))


def _no_credentials(place: Place) -> None:
    place.service(place.listeners.enter_context(answering("<h1>Forbidden</h1>", 403, Content_Type="text/html")))


def _useless_credentials(place: Place) -> None:
    place.variables.clear()
    place.config({_SETTING: place.well, "identity": "google"})
    (place.folder / "user.json").write_text(
        json.dumps({"type": "authorized_user", "client_id": "i", "client_secret": "s", "refresh_token": "t"})
    )
    place.variables["GOOGLE_APPLICATION_CREDENTIALS"] = str(place.folder / "user.json")


def _missing_extra(place: Place) -> None:
    place.variables.clear()
    place.config({_SETTING: place.well, "identity": "google"})
    place.before.append(_WITHOUT_GOOGLE_AUTH)


def _refused_token(place: Place) -> None:
    place.service(place.listeners.enter_context(answering(problem(401, "invalid_identity_token"), 401)))
    place.variables["PUBLISH_SUBSCRIBE_TOKEN"] = "a.b.c"


def _store(place: Place) -> None:
    place.service(place.listeners.enter_context(answering(problem(503, "store_unavailable"), 503)))


def _versions(place: Place) -> None:
    place.service(place.listeners.enter_context(answering(_NAMES, X_Service_Version="0.0.9")))


def _file_for_directory(place: Place) -> None:
    (place.folder / ".pubsub").write_text("")


def _foreign_database(place: Place) -> None:
    (place.folder / ".pubsub").mkdir()
    (place.folder / ".pubsub" / "pubsub.sqlite3").write_text(
        "certainly no database, of more than a page's header\n" * 100
    )


def _firestore_host(place: Place) -> None:
    place.variables["FIRESTORE_EMULATOR_HOST"] = f"127.0.0.1:{closed_port()}"


def _few_threads(place: Place) -> None:
    place.before.append(_FEW_THREADS)


def _refused_list(place: Place) -> None:
    place.service(place.listeners.enter_context(answering(problem(400, "invalid_request"), 400)))


#: the code, and whether it is a fault, by what is planted
_PLANTED: dict[Callable[[Place], None], tuple[str, bool]] = {
    _no_service: ("no_service", True),
    _bad_config: ("bad_config", True),
    _misspelt_config: ("bad_config", True),
    _bad_url: ("bad_url", True),
    _refused: ("no_answer", True),
    _hanging: ("no_answer", True),
    _unknown_host: ("unknown_host", True),
    _web_page: ("not_pubsub", True),
    _other_json: ("not_pubsub", True),
    _not_found: ("not_pubsub", True),
    _not_http: ("not_pubsub", True),
    _proxy: ("proxy", True),
    _tls: ("tls", True),
    _shadowed: ("shadowed", False),
    _clock: ("clock", False),
    _no_credentials: ("no_credentials", True),
    _useless_credentials: ("no_credentials", True),
    _missing_extra: ("missing_extra", True),
    _refused_token: ("identity", True),
    _store: ("store", True),
    _versions: ("versions", False),
    _file_for_directory: ("data_dir", False),
    _foreign_database: ("data_dir", False),
    _firestore_host: ("firestore_host", False),
    _few_threads: ("thread_limit", False),
    _refused_list: ("refused", True),
}


@pytest.fixture
def place(tmp_path: Path, shared: Serving) -> Iterator[Place]:
    """A folder in which all is well."""
    with ExitStack() as listeners:
        yield Place(tmp_path, {_SETTING: shared.url}, listeners, shared.url, [])


def _examine(place: Place, *arguments: str) -> tuple[int, list[dict[str, str]], str]:
    """Run ``python -m pubsubclient --json``; its exit code, findings and stderr."""
    variables = {
        name: value for name, value in environment().items() if name.lower() not in {"http_proxy", "https_proxy"}
    }
    code = "import runpy, sys; sys.argv[0] = 'pubsubclient'; runpy.run_module('pubsubclient', run_name='__main__')"
    done = subprocess.run(
        [sys.executable, "-c", "".join([*place.before, code]), "--json", *arguments],
        cwd=place.folder, env={**variables, **place.variables},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, json.loads(done.stdout)["findings"], done.stderr


@pytest.mark.parametrize("plant", _PLANTED, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_named_alone(plant: Callable[[Place], None], place: Place) -> None:
    """With what is wrong and what to do; the exit code says whether programs can work nevertheless."""
    code, is_fault = _PLANTED[plant]
    plant(place)
    exit_code, findings, err = _examine(place)
    assert ([finding["code"] for finding in findings], err) == ([code], "")
    assert (findings[0]["level"], exit_code) == (("fault", 1) if is_fault else ("warning", 0))
    for text in (findings[0]["what"], findings[0]["do"]):
        assert text[0].isalnum() or text[0] in "`/"
        assert text.endswith(".")
        assert text.isprintable()
    print(findings[0]["what"], findings[0]["do"])


def test_each_code_is_planted() -> None:
    """All that docs/command-line.md lists."""
    page = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| ", page.partition("## The doctor")[2].partition("\n## ")[0], re.MULTILINE)
    assert sorted(listed) == sorted({code for code, _ in _PLANTED.values()})
    assert len(listed) >= 19


def test_nothing_is_found_where_all_is_well(place: Place) -> None:
    """With a config.json, a data directory that an emulator made, and beside it."""
    place.config({_SETTING: place.well})
    subprocess.run(
        [sys.executable, "-m", "pubsub_emulator", "exec", "--", "true"],
        check=True,
        cwd=place.folder,
        env=environment(),
        timeout=60,
    )
    assert _examine(place) == (0, [], "")
    assert _examine(place, "--strict") == (0, [], "")


def test_warnings_fail_where_they_are_to(place: Place) -> None:
    _shadowed(place)
    assert _examine(place, "--strict")[0] == 1


def test_the_functions_result_is_typed(shared: Serving, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert doctor(shared.url) == []
    (finding,) = doctor(f"http://127.0.0.1:{closed_port()}")
    assert isinstance(finding, Finding)
    assert (finding.code, finding.level) == ("no_answer", "fault")
    assert str(finding).startswith("fault no_answer: Nothing answers at http://127.0.0.1:")


def test_the_command_shows_the_same(run: Run, shared: Serving) -> None:
    assert run("doctor").out == f"All is well: {shared.url} answers.\n"
    done = run("doctor", "-s", f"http://127.0.0.1:{closed_port()}")
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("fault no_answer: ")
    assert run("doctor", "--quiet").out == ""


def test_a_bare_install_is_enough() -> None:
    """`python -m pubsubclient` imports requests, and neither click nor anything of the emulator."""
    code = "import sys, pubsubclient.__main__; print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment(), timeout=60
    )
    assert "'requests'" in done.stdout
    assert not [name for name in ("'click'", "'msgspec'", "'flask'", "'pubsub_emulator'") if name in done.stdout]
