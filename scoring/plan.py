"""Which files a job scores, how the large ones are divided, and how all are put together to mini-batches."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from scoring.errors import InputError

KINDS = {
    ".csv": "csv",
    ".csv.gz": "csv.gz",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl.gz",
    ".parquet": "parquet",
    ".pqt": "parquet",
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tiff", ".bmp", ".gif"), "image"),
}
ACCEPTED = ", ".join(KINDS)


@dataclass(frozen=True, kw_only=True)
class InputFile:
    path: str  # posix, relative to the input's root
    size: int
    etag: str = ""


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A file, or the part of it from `start` to `end`: bytes of a text file, row groups of a Parquet file."""

    path: str
    size: int  # bytes of the part
    etag: str = ""
    start: int = 0
    end: int | None = None  # None: to the end of the file
    ranges: tuple[
        tuple[int, int], ...
    ] = ()  # bytes (from, to before) that its scorer reads; none: all of the file
    is_guessed: bool = False  # where it starts and ends; see dividing.holds_records()

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


Divide = Callable[[InputFile], Sequence[Slice]]


def is_hidden(path: str) -> bool:
    return any(part.startswith((".", "_")) for part in PurePosixPath(path).parts)


def file_kind(path: str) -> str:
    suffix = _suffix(path)
    if suffix not in KINDS:
        what = f"files of type {suffix}" if suffix else "files without a type"
        raise InputError(f"{path} cannot be scored: {what} are not supported. Use {ACCEPTED}.", file=path)
    return KINDS[suffix]


def _suffix(path: str) -> str:
    name = PurePosixPath(path.lower())
    return "".join(name.suffixes[-2:]) if name.suffix == ".gz" else name.suffix


def whole(file: InputFile) -> Slice:
    return Slice(path=file.path, size=file.size, etag=file.etag, ranges=((0, file.size),))


def plan(
    *, files: Iterable[InputFile], mini_batch_size: int, split_size: int, divide: Divide
) -> list[list[Slice]]:
    """Mini-batches in name order of files; the same input always gives the same plan.

    A file of more than `split_size` bytes (0: none is) is divided by `divide`, each of its slices a mini-batch.
    Others are put together, at most `mini_batch_size` files and `split_size` bytes.
    """
    return list(_grouped(to_score(files=files), mini_batch_size, split_size, divide))


def to_score(*, files: Iterable[InputFile]) -> list[InputFile]:
    """The files that a job reads, in the order of their names. Raises InputError where one cannot be scored."""
    visible = sorted((f for f in files if not is_hidden(f.path)), key=lambda f: f.path)
    if not visible:
        raise InputError(
            "The input contains no file to score. Put files there that end in "
            f"{ACCEPTED}; names starting with . or _ are left out."
        )
    _refuse_unsupported(visible)
    return visible


def _grouped(files: list[InputFile], most: int, split_size: int, divide: Divide) -> Iterator[list[Slice]]:
    group: list[Slice] = []
    for file in files:
        is_large = 0 < split_size < file.size
        is_full = len(group) == most or 0 < split_size < sum(one.size for one in group) + file.size
        if group and (is_large or is_full):
            yield group
            group = []
        if is_large:
            yield from ([one] for one in divide(file))
        else:
            group.append(whole(file))
    if group:
        yield group


def _refuse_unsupported(files: list[InputFile]) -> None:
    refused = [f.path for f in files if _suffix(f.path) not in KINDS]
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
