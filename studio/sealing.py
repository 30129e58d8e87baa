"""Credentials at rest: sealed with a key that lies outside of the database.

The file STUDIO_ENCRYPTION_KEY_FILE has a key on each line. The first seals, all of them open; it is made when the first
credentials are stored. Every machine of the studio needs the same file.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.translation import gettext as _

from studio.embedded.home import locked, make_folder, write_private
from studio.errors import Unavailable


class KeyMissing(Unavailable):
    """What was sealed cannot be opened on this machine."""


def seal(values: dict[str, str]) -> str:
    """Empty where there is nothing to keep."""
    return _box(makes_key=True).encrypt(json.dumps(values).encode()).decode() if values else ""


def unseal(sealed: str) -> dict[str, str]:
    """Raises KeyMissing."""
    if not sealed:
        return {}
    try:
        values: dict[str, str] = json.loads(_box().decrypt(sealed.encode()))
    except InvalidToken:
        raise KeyMissing(_missing()) from None
    return values


def resealed(sealed: str) -> str:
    """The same, with the first key. Raises KeyMissing."""
    return seal(unseal(sealed))


def add_key() -> None:
    """A new first key; the others still open what they have sealed."""
    with _changing() as file:
        write_private(file, "\n".join([Fernet.generate_key().decode(), *_keys(file)]) + "\n")


def drop_old_keys() -> int:
    """All but the first; gives how many they were. Whatever they have sealed must have been sealed anew."""
    with _changing() as file:
        first, *old = _keys(file)
        write_private(file, f"{first}\n")
        return len(old)


def _box(*, makes_key: bool = False) -> MultiFernet:
    file: Path = settings.ENCRYPTION_KEY_FILE
    keys = _keys(file)
    if not keys and makes_key:
        with _changing():
            if not _keys(file):
                write_private(file, f"{Fernet.generate_key().decode()}\n")
        keys = _keys(file)
    if not keys:
        raise KeyMissing(_missing())
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise KeyMissing(_missing()) from None


def _keys(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii").split()
    except FileNotFoundError:
        return []
    except (OSError, ValueError):
        raise KeyMissing(_missing()) from None


@contextmanager
def _changing() -> Iterator[Path]:
    file: Path = settings.ENCRYPTION_KEY_FILE
    make_folder(file.parent)
    with locked(file.with_name(f".{file.name}.lock")):
        yield file


def _missing() -> str:
    return _(
        "The credentials cannot be opened on this machine: the key that sealed them is not in its encryption key file"
        " (STUDIO_ENCRYPTION_KEY_FILE). Copy that file from the machine that the studio runs on."
    )
