"""Where the emulator is found, and what a user without it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from pubsub_emulator.errors import EmulatorError
from pubsub_emulator.google_firestore import install as google_install
from pubsub_emulator.google_firestore.install import NotInstalled, find_jar, find_java
from unit.google.machines import put_jar, put_program


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without anything; its PATH is `bin`, its home `home`."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("JAVA_HOME", "CLOUDSDK_ROOT_DIR", "CLOUDSDK_ROOT", "FIREBASE_EMULATORS_PATH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(google_install, "_SDK_PLACES", ())
    return tmp_path


def test_nowhere_at_all_says_each_way_to_install_it(machine: Path) -> None:
    with pytest.raises(NotInstalled) as caught:
        find_jar()
    assert "gcloud components install cloud-firestore-emulator" in str(caught.value)
    assert "firebase setup:emulators:firestore" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, EmulatorError)


def test_it_is_found_beside_gcloud(machine: Path) -> None:
    jar = put_jar(machine / "sdk")
    gcloud = put_program(machine / "sdk" / "bin" / "gcloud", "exit 1")
    (machine / "bin" / "gcloud").symlink_to(gcloud)
    assert find_jar() == jar


def test_it_is_found_where_gcloud_says(machine: Path) -> None:
    jar = put_jar(machine / "elsewhere")
    put_program(machine / "bin" / "gcloud", f"echo '{machine}/elsewhere'")
    assert find_jar() == jar


def test_it_is_found_where_the_environment_says(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLOUDSDK_ROOT", str(machine / "mine"))
    jar = put_jar(machine / "mine")
    assert find_jar() == jar


def test_the_newest_of_the_firebase_cache_is_taken(machine: Path) -> None:
    cache = machine / "home" / ".cache" / "firebase" / "emulators"
    cache.mkdir(parents=True)
    for version in ("1.9.0", "1.19.8", "1.19.10"):
        (cache / f"cloud-firestore-emulator-v{version}.jar").touch()
    assert find_jar().name == "cloud-firestore-emulator-v1.19.10.jar"


def test_a_gcloud_without_the_component_is_not_enough(machine: Path) -> None:
    put_program(machine / "bin" / "gcloud", "echo /nowhere")
    with pytest.raises(NotInstalled):
        find_jar()


def test_no_java_says_which_to_install(machine: Path) -> None:
    with pytest.raises(NotInstalled, match=r"needs Java 11\+ .*default-jre-headless"):
        find_java()


@pytest.mark.parametrize("said", ['openjdk version "11.0.2" 2019-01-15', 'java version "21" 2023-09-19 LTS'])
def test_a_java_new_enough_is_taken(machine: Path, said: str) -> None:
    java = put_program(machine / "bin" / "java", f"echo '{said}' >&2")
    assert find_java() == str(java)


def test_java_home_goes_before_the_path(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_program(machine / "bin" / "java", "exit 1")
    java = put_program(machine / "jdk" / "bin" / "java", "echo 'openjdk version \"17.0.15\"' >&2")
    monkeypatch.setenv("JAVA_HOME", str(machine / "jdk"))
    assert find_java() == str(java)


def test_a_java_too_old_is_named(machine: Path) -> None:
    java = put_program(machine / "bin" / "java", "echo 'java version \"1.8.0_392\"' >&2")
    with pytest.raises(NotInstalled, match=rf"{java} is Java 8: .* needs Java 11\+"):
        find_java()


def test_a_java_that_does_not_work_is_quoted(machine: Path) -> None:
    put_program(machine / "bin" / "java", "echo 'Unable to locate a Java Runtime.' >&2; exit 1")
    with pytest.raises(NotInstalled, match=r"does not work \(Unable to locate a Java Runtime\.\)"):
        find_java()
