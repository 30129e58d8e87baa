"""Credentials can be opened with the key that lies beside the database, and only with it."""

import stat
from pathlib import Path

import pytest
from django.core.management import call_command

from studio import sealing
from studio.models import Datastore
from tests import factories

SECRETS = {"access_key": "AKIA", "secret_key": "very-secret"}


@pytest.fixture(autouse=True)
def key_file(settings, tmp_path: Path) -> Path:
    settings.ENCRYPTION_KEY_FILE = tmp_path / "keys" / "encryption-keys"
    return settings.ENCRYPTION_KEY_FILE


def test_what_is_sealed_is_opened_and_says_nothing(key_file: Path) -> None:
    sealed = sealing.seal(SECRETS)
    assert "very-secret" not in sealed
    assert sealing.unseal(sealed) == SECRETS
    assert sealing.seal(SECRETS) != sealed
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


def test_nothing_needs_no_key(key_file: Path) -> None:
    assert sealing.seal({}) == ""
    assert sealing.unseal("") == {}
    assert not key_file.exists()


@pytest.mark.parametrize("content", [None, "", "no key at all", "é"])
def test_without_the_key_it_is_said_what_to_do(key_file: Path, content: str | None) -> None:
    sealed = sealing.seal(SECRETS)
    key_file.unlink()
    if content is not None:
        key_file.write_text(content)
    with pytest.raises(sealing.KeyMissing, match="Copy that file"):
        sealing.unseal(sealed)


def test_another_key_does_not_open_it(key_file: Path) -> None:
    sealed = sealing.seal(SECRETS)
    key_file.unlink()
    sealing.seal(SECRETS)
    with pytest.raises(sealing.KeyMissing):
        sealing.unseal(sealed)


@pytest.mark.django_db
def test_keys_are_rotated_without_a_gap(key_file: Path, tmp_path: Path, capsys) -> None:
    store = factories.datastore(tmp_path, kind="s3", options={"bucket": "b"}, secrets=sealing.seal(SECRETS))
    factories.datastore(tmp_path / "other", is_default=False)
    before = key_file.read_text().split()
    call_command("rotate_encryption_key")
    assert "1 datastores are sealed" in capsys.readouterr().out
    assert key_file.read_text().split()[1:] == before
    call_command("rotate_encryption_key", "--drop-old")
    assert "1 old keys are removed" in capsys.readouterr().out
    assert len(key_file.read_text().split()) == 1
    changed = Datastore.objects.get(pk=store.pk)
    assert changed.secrets != store.secrets
    assert sealing.unseal(changed.secrets) == SECRETS
    with pytest.raises(sealing.KeyMissing):
        sealing.unseal(store.secrets)
