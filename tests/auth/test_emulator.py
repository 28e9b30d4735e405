"""``pubsub emulator --auth`` and ``pubsub token`` as a developer runs them."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from auth.people import another_issuer
from e2e.serving import Serving, environment
from e2e.wire import Wire
from pubsub_emulator.issuer import KEY_FILE, load_issuer
from pubsubclient import Event, Forbidden, Publisher, Service, Subscriber


def _pubsub(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "pubsub_emulator", *arguments]
    ran = subprocess.run(command, check=False, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stdout, ran.stderr


def test_the_key_is_kept_beside_the_events_for_its_owner_only(tmp_path: Path) -> None:
    """So a name stays its owner's, and a token stays valid, when the emulator is started again."""
    serving = Serving(["--data-dir", str(tmp_path / ".pubsub"), "--auth"], tmp_path / "log", {})
    key = tmp_path / ".pubsub" / KEY_FILE
    if os.name == "posix":
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
    code, token, _ = _pubsub("token", "--email", "alice@example.com", cwd=tmp_path)
    assert code == 0
    alice = Service(serving.url, identity=token.strip())
    Publisher("shop", service=alice).publish(Event("orders", 1))
    serving.kill()
    serving.restart()
    Publisher("shop", service=alice).publish(Event("orders", 2))
    with pytest.raises(Forbidden) as raised:
        Publisher("shop", service=serving.url)
    assert (raised.value.status, raised.value.code) == (403, "not_owner")
    serving.close()


def test_it_says_how_to_get_a_token_and_the_sdk_takes_it_from_the_environment(tmp_path: Path) -> None:
    """The printed line as it is, in a shell; of an ephemeral emulator the key ends with it."""
    serving = Serving(["--ephemeral", "--auth"], tmp_path / "log", {})
    (line,) = [line for line in (tmp_path / "log").read_text().splitlines() if "for a token: " in line]
    said = line.partition("for a token: ")[2].replace("pubsub token", f"{sys.executable} -m pubsub_emulator token")
    program = "from pubsubclient import Subscriber; print(Subscriber('billing').name)"
    ran = subprocess.run(
        ["sh", "-c", f'{said} && exec "{sys.executable}" -c "{program}"'],
        env=environment(PUBLISH_SUBSCRIBE_SERVICE=serving.url),
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "billing\n"), ran.stderr
    with pytest.raises(Forbidden):
        Subscriber("billing", service=serving.url)
    key = Path(said.partition("--key ")[2].rstrip(")"))
    assert key.exists()
    serving.close()
    assert not key.parent.exists()


def test_identity_is_off_by_default(tmp_path: Path) -> None:
    """Then the header is not looked at."""
    serving = Serving(["--ephemeral"], tmp_path / "log", {})
    wire = Wire(serving.url)
    for token in ("not a token", another_issuer().token(subject="alice")):
        answer = wire.ask("register", {"subscriber": "billing"}, headers={"X-Pubsub-Token": token})
        assert answer.status_code in (200, 201)
    wire.close()
    serving.close()
    assert not list(tmp_path.glob(f"**/{KEY_FILE}"))


def test_subjects_tell_people_of_one_address_apart(tmp_path: Path) -> None:
    """And an expired token is refused with the reason."""
    serving = Serving(["--data-dir", str(tmp_path / "data"), "--auth"], tmp_path / "log", {})
    key = ("--key", str(tmp_path / "data" / KEY_FILE))
    tokens = [_pubsub("token", "--email", "a@example.com", "--sub", sub, *key, cwd=tmp_path)[1].strip() for sub in "12"]
    assert Subscriber("billing", service=Service(serving.url, identity=tokens[0])).name == "billing"
    with pytest.raises(Forbidden, match="403 not_owner"):
        Subscriber("billing", service=Service(serving.url, identity=tokens[1]))
    old = load_issuer(tmp_path / "data" / KEY_FILE).token(subject="1", expires_in_s=-60)
    with pytest.raises(Forbidden, match=r"It has expired.*401 invalid_identity_token"):
        Subscriber("billing", service=Service(serving.url, identity=old))
    serving.close()


def test_a_letter_that_only_looks_like_an_admins_makes_no_admin(tmp_path: Path) -> None:
    """U+212A, KELVIN SIGN, is a k in lower case: neither in a token, nor in --admin, is it one."""
    admins = ("--admin", "Kim@example.com", "--admin", "\u212aate@example.com")
    serving = Serving(["--data-dir", str(tmp_path / "data"), "--auth", *admins], tmp_path / "log", {})
    issuer = load_issuer(tmp_path / "data" / KEY_FILE)

    def called(email: str) -> Service:
        return Service(serving.url, identity=issuer.token(subject=email, email=email))

    Subscriber("billing", service=called("owner@example.com"))
    Subscriber("billing", service=called("kim@example.com"))
    for email in ("\u212aim@example.com", "kate@example.com", "\u212aate@example.com"):
        with pytest.raises(Forbidden, match="403 not_owner"):
            Subscriber("billing", service=called(email))
    serving.close()
    assert "the admin '\\\\u212aate@example.com' is ignored" in (tmp_path / "log").read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["token"], "pubsub token: --email or --sub is expected, to name the owner of the token\n"),
        (
            ["token", "--sub", "1"],
            "pubsub token: .pubsub/identity-key.pem does not exist: start `pubsub emulator --auth`, which creates the key\n",
        ),
        (
            ["token", "--sub", "1", "--expires-in", "0"],
            (
                "pubsub token: Invalid value for '--expires-in': expected 1 to 31622400 seconds, "
                "or with a unit (ms, s, m, h, d) as in 10m; got '0' (see pubsub token --help)\n"
            ),
        ),
        (["emulator", "--ephemeral", "--admin", "a@b.example"], "pubsub emulator: --admin needs --auth\n"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_line(tmp_path: Path, arguments: list[str], says: str) -> None:
    assert _pubsub(*arguments, cwd=tmp_path) == (2, "", says)


def test_a_key_that_others_may_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    """By both commands: whoever has the key can be anybody."""
    folder = tmp_path / ".pubsub"
    folder.mkdir()
    (folder / KEY_FILE).write_text("not a key")
    (folder / KEY_FILE).chmod(0o600)
    for command in (("token", "--sub", "1"), ("emulator", "--port", "0", "--auth")):
        code, _, said = _pubsub(*command, cwd=tmp_path)
        assert (code, "is not an RSA key in PEM format" in said) == (2, True)
        if os.name == "posix":
            (folder / KEY_FILE).chmod(0o644)
            code, _, said = _pubsub(*command, cwd=tmp_path)
            assert (code, "can be read by others" in said) == (2, True)
            (folder / KEY_FILE).chmod(0o600)


_MAKE_KEY = """
import sys
from pathlib import Path
from pubsub_emulator.issuer import make_issuer
print(make_issuer(Path(sys.argv[1])).key_id)
"""


def test_of_several_that_start_together_one_makes_the_key(tmp_path: Path) -> None:
    """Emulators may share a data directory."""
    makers = [
        subprocess.Popen(
            [sys.executable, "-c", _MAKE_KEY, str(tmp_path / KEY_FILE)],
            env=environment(), stdout=subprocess.PIPE, text=True,
        )
        for _ in range(4)
    ]  # fmt: skip
    assert len({maker.communicate(timeout=60)[0] for maker in makers}) == 1
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
