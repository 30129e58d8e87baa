import re
from pathlib import Path

import pytest

from studio import env
from studio.embedded import addresses
from studio.env import SettingError

ROOT = Path(__file__).resolve().parents[1]


def test_empty_means_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_PORT", "")
    assert env.integer("STUDIO_PORT", 8000, minimum=1, maximum=65535) == 8000


@pytest.mark.parametrize("value", ["eight", "0", "70000", "80.5"])
def test_wrong_number_says_the_fix(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STUDIO_PORT", value)
    with pytest.raises(SettingError, match=r"STUDIO_PORT is .*from 1 to 65535, for example STUDIO_PORT=8000"):
        addresses.port()


@pytest.mark.parametrize(
    ("value", "expected"), [("0", False), ("no", False), ("1", True), ("TRUE", True), ("", True)]
)
def test_boolean(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("STUDIO_SAMPLES", value)
    assert addresses.with_samples() is expected


def test_wrong_boolean_says_the_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_SAMPLES", "maybe")
    with pytest.raises(SettingError, match="STUDIO_SAMPLES=0"):
        addresses.with_samples()


def test_wrong_choice_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEVEL", "loud")
    with pytest.raises(SettingError, match="one of: info, debug"):
        env.choice("LEVEL", "info", ["info", "debug"])


def test_secret_from_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 40 + "\n")
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    assert addresses.secret_key() == "k" * 40


@pytest.mark.parametrize("contents", [None, ""])
def test_secret_file_that_gives_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, contents: str | None
) -> None:
    if contents is not None:
        (tmp_path / "key").write_text(contents)
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(SettingError, match="SECRET_KEY_FILE points to"):
        addresses.secret_key()


def test_secret_given_twice(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY", "k" * 40)
    monkeypatch.setenv("SECRET_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(SettingError, match="both set"):
        addresses.secret_key()


def test_short_secret_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "short")
    with pytest.raises(SettingError, match="at least 32"):
        addresses.secret_key()


@pytest.mark.parametrize(
    ("name", "value", "fix"),
    [
        ("DATABASE_URL", "sqlite:///studio.db", "must start with postgresql://"),
        ("DATABASE_URL", "studio", "must start with postgresql://"),
        ("DATABASE_URL", "postgresql://user:secret-word@host:port/studio", "write it like postgresql://"),
        ("BROKER_URL", "memory://", "must start with redis://"),
        ("MLFLOW_TRACKING_URI", "./mlruns", "must start with http://"),
        ("MLFLOW_TRACKING_URI", "http://", "names no host"),
    ],
)
def test_wrong_address_says_the_fix(monkeypatch: pytest.MonkeyPatch, name: str, value: str, fix: str) -> None:
    monkeypatch.setenv(name, value)
    reader = {"DATABASE_URL": addresses.database_url, "BROKER_URL": addresses.broker_url}.get(
        name, addresses.mlflow_uri
    )
    with pytest.raises(SettingError) as refused:
        reader()
    assert name in str(refused.value)
    assert fix in str(refused.value)
    assert "secret-word" not in str(refused.value)


def test_hosts_have_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_HOSTS", "Files.Example.com, minio.example.com:9000,[::1]:8443,10.0.0.7")
    found = env.hosts("STUDIO_HOSTS", port=443)
    assert found == {
        ("files.example.com", 443),
        ("minio.example.com", 9000),
        ("::1", 8443),
        ("10.0.0.7", 443),
    }
    monkeypatch.setenv("STUDIO_HOSTS", "")
    assert env.hosts("STUDIO_HOSTS", port=443) == frozenset()


@pytest.mark.parametrize(
    "value", ["https://example.com", "example.com/x", "a:b", "me@example.com", "example.com:99999"]
)
def test_what_is_no_host_says_the_fix(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("STUDIO_HOSTS", value)
    with pytest.raises(SettingError, match=r"STUDIO_HOSTS has .*; write hosts, with a port"):
        env.hosts("STUDIO_HOSTS", port=443)


def test_a_file_that_is_not_there_says_the_fix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STUDIO_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingError, match="where no file is"):
        env.file("STUDIO_FILE")
    (tmp_path / "none").write_text("")
    assert env.file("STUDIO_FILE") == str(tmp_path / "none")


def test_example_file_names_every_variable() -> None:
    """Each reader call in the code names its variable in plain text, so that this can be checked."""
    read = set()
    for file in (ROOT / "studio").rglob("*.py"):
        if file.name != "env.py":
            read |= set(
                re.findall(
                    r"env\.(?:text|integer|boolean|choice|secret|url|hosts|pairs|file)\(\s*\"(\w+)\"",
                    file.read_text(),
                )
            )
    named = set(re.findall(r"^#? ?(\w+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert read == named


def test_an_address_is_shown_without_its_login() -> None:
    assert (
        env.without_login("https://ada:secret@mlflow.example.com:5000/x")
        == "https://mlflow.example.com:5000/x"
    )
    assert env.without_login("http://127.0.0.1:5050") == "http://127.0.0.1:5050"
