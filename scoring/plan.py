"""Which files a job scores, and how they are put together to mini-batches."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from scoring.errors import InputError

KINDS = {".csv": "csv", ".parquet": "parquet", ".pqt": "parquet"}
ACCEPTED = ", ".join(KINDS)


@dataclass(frozen=True, kw_only=True)
class InputFile:
    path: str  # posix, relative to the input's root
    size: int
    etag: str = ""


@dataclass(frozen=True, kw_only=True)
class Slice:
    path: str
    size: int
    etag: str = ""


def is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in PurePosixPath(path).parts)


def file_kind(path: str) -> str:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix not in KINDS:
        what = f"files of type {suffix}" if suffix else "files without a type"
        raise InputError(f"{path} cannot be scored: {what} are not supported. Use {ACCEPTED}.", file=path)
    return KINDS[suffix]


def plan(*, files: Iterable[InputFile], mini_batch_size: int) -> list[list[Slice]]:
    """Mini-batches of whole files in name order; the same input always gives the same plan."""
    visible = sorted((f for f in files if not is_hidden(f.path)), key=lambda f: f.path)
    if not visible:
        raise InputError(
            "The input contains no file to score. Put files there that end in "
            f"{ACCEPTED}; names starting with . or _ are left out."
        )
    _refuse_unsupported(visible)
    slices = [Slice(path=f.path, size=f.size, etag=f.etag) for f in visible]
    return [slices[i : i + mini_batch_size] for i in range(0, len(slices), mini_batch_size)]


def _refuse_unsupported(files: list[InputFile]) -> None:
    refused = [f.path for f in files if PurePosixPath(f.path).suffix.lower() not in KINDS]
    if not refused:
        return
    if len(refused) == 1:
        file_kind(refused[0])
    shown = ", ".join(refused[:3]) + (f" and {len(refused) - 3} more" if len(refused) > 3 else "")
    raise InputError(
        f"{len(refused)} files of the input cannot be scored: {shown}. "
        f"Use {ACCEPTED}, or start the names of files to leave out with _.",
        file=refused[0],
    )
