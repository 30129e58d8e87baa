"""Typed readers of environment variables: a wrong value stops the start with a sentence that says the fix."""

import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off"}


class SettingError(Exception):
    """A setting from the environment cannot be used; the message says which one and what to write instead."""


def text(name: str, default: str = "") -> str:
    """An empty variable counts as not set, so that `NAME= make run` means the default."""
    return os.environ.get(name, "").strip() or default


def integer(name: str, default: int, *, minimum: int, maximum: int) -> int:
    value = text(name)
    if not value:
        return default
    wanted = f"a whole number from {minimum} to {maximum}, for example {name}={default}"
    try:
        number = int(value)
    except ValueError:
        raise SettingError(f"{name} is “{value}”; write {wanted}.") from None
    if not minimum <= number <= maximum:
        raise SettingError(f"{name} is {number}; write {wanted}.")
    return number


def boolean(name: str, default: bool) -> bool:
    value = text(name)
    if not value:
        return default
    if value.lower() in TRUE:
        return True
    if value.lower() in FALSE:
        return False
    raise SettingError(f"{name} is “{value}”; write {name}=1 for yes or {name}=0 for no.")


def choice(name: str, default: str, choices: Sequence[str]) -> str:
    value = text(name, default)
    if value not in choices:
        raise SettingError(f"{name} is “{value}”; write one of: {', '.join(choices)}.")
    return value


def secret(name: str, default: str = "") -> str:
    """The variable itself, or the contents of the file that NAME_FILE points to."""
    file_name = text(f"{name}_FILE")
    if not file_name:
        return text(name, default)
    if text(name):
        raise SettingError(f"{name} and {name}_FILE are both set; keep one of them.")
    try:
        value = Path(file_name).expanduser().read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not UTF-8 text"
        raise SettingError(
            f"{name}_FILE points to {file_name}, which cannot be read ({reason}); "
            f"write the path of a text file that holds only the value, or unset {name}_FILE."
        ) from None
    if not value:
        raise SettingError(f"{name}_FILE points to {file_name}, which is empty; write the value into it.")
    return value


def url(name: str, default: str = "", *, schemes: Sequence[str], example: str) -> str:
    """A URL of one of these kinds. It may hold a password, so it also comes from NAME_FILE and is never quoted."""
    value = secret(name)
    if not value:
        return default
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  reading it is what checks it
    except ValueError as problem:
        raise SettingError(f"{name} is not a valid address ({problem}); write it like {example}.") from None
    if parts.scheme.lower() not in schemes:
        kinds = ", ".join(f"{scheme}://" for scheme in schemes)
        found = f"starts with “{parts.scheme}:”" if parts.scheme else "does not say its kind"
        raise SettingError(f"{name} {found}; it must start with {kinds}, like {example}.")
    if parts.scheme in {"http", "https"} and not parts.hostname:
        raise SettingError(f"{name} names no host; write it like {example}.")
    return value


def hosts(name: str, *, port: int) -> frozenset[tuple[str, int]]:
    """Hosts with their ports, `port` where none is given, separated by commas."""
    found = set()
    for entry in filter(None, (part.strip() for part in text(name).split(","))):
        try:
            parts = urlsplit(f"//{entry}")
            host, own = parts.hostname, parts.port
        except ValueError:
            host, own = None, None
        if not host or parts.netloc != entry or "@" in entry:
            raise SettingError(
                f"{name} has “{entry}”; write hosts, with a port where it is not {port}, for example "
                f"{name}=files.example.com,minio.example.com:9000."
            )
        found.add((host.rstrip("."), own or port))
    return frozenset(found)


def pairs(name: str, choices: Sequence[str]) -> dict[str, str]:
    """One of `choices` for each key: `key=choice`, separated by commas. A key may hold a “=”."""
    found = {}
    for entry in filter(None, (part.strip() for part in text(name).split(","))):
        key, _equals, value = (part.strip() for part in entry.rpartition("="))
        if not key or value not in choices:
            raise SettingError(
                f"{name} has “{entry}”; write name=choice, separated by commas, where the choice is one of: "
                f"{', '.join(choices)}."
            )
        found[key] = value
    return found


def file(name: str) -> str:
    """The path of a file that is there; empty where none is given."""
    value = text(name)
    if value and not Path(value).expanduser().is_file():
        raise SettingError(f"{name} is “{value}”, where no file is; write the path of one, or unset {name}.")
    return str(Path(value).expanduser()) if value else ""


def without_login(address: str) -> str:
    """The address without the user and password that it may hold."""
    parts = urlsplit(address)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
