"""A CSV or JSONL file, opened: unzipped, its dialect known, as bytes in which line ends and quotes are ASCII."""

from __future__ import annotations

import codecs
import gzip
import zlib
from typing import Any, BinaryIO

from scoring.scorer.dialect import BOM, LOOKED_AT, Dialect
from scoring.scorer.failures import FileFailure

PIECE = 1 << 20


class TextFile:
    """`stream` can seek, but where a file is zipped or UTF-16 only by reading it again: those are never divided."""

    def __init__(self, file: BinaryIO, kind: str, name: str, wanted: Dialect) -> None:
        is_zipped = kind.endswith(".gz")
        stream: Any = _Unzipped(file, name) if is_zipped else file
        self.is_json = kind.startswith("jsonl")
        self.name = name
        start = stream.read(LOOKED_AT)
        _refuse_what_is_no_text(start, name, self.is_json)
        self.dialect = wanted.resolved(start, self.is_json)
        stream.seek(0)
        is_recoded = self.dialect.encoding == "utf-16"
        self.stream: BinaryIO = _Recoded(stream, name) if is_recoded else stream  # type: ignore[assignment]
        self.is_divisible = not is_zipped and not is_recoded
        self.first = len(BOM) if start.startswith(BOM) else 0  # where its text begins


def _refuse_what_is_no_text(start: bytes, name: str, is_json: bool) -> None:
    what = "JSONL" if is_json else "CSV"
    if start.startswith((b"PAR1", b"PK\x03\x04", b"\x1f\x8b", b"\x89PNG", b"\xff\xd8\xff", b"%PDF")):
        raise FileFailure(f"{name} is named like a {what} file, but it is not text.")


class _Unzipped:
    """Of gzip; what is wrong with it is said as a sentence."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        self._file, self._name = gzip.GzipFile(fileobj=file, mode="rb"), name

    def read(self, size: int = -1) -> bytes:
        try:
            return self._file.read(size)
        except EOFError:
            reason = "it ends too early. Copy or compress it again"
        except (OSError, zlib.error):
            reason = "it is damaged, or no gzip file"
        raise FileFailure(f"{self._name} cannot be unzipped: {reason}.")

    def seek(self, position: int) -> int:
        self._file.seek(0)
        return _skip(self, position)


class _Recoded:
    """UTF-16 as UTF-8, without its byte order mark."""

    def __init__(self, stream: Any, name: str) -> None:
        self._stream, self._name = stream, name
        self._decoder, self._left = codecs.getincrementaldecoder("utf-16")(), b""

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._left) < size:
            data = self._stream.read(PIECE)
            try:
                self._left += self._decoder.decode(data, not data).encode("utf-8")
            except UnicodeError:
                raise FileFailure(
                    f"{self._name} is UTF-16 text with something in it that is not. Save it as UTF-8 and try again."
                ) from None
            if not data:
                break
        size = len(self._left) if size < 0 else size
        taken, self._left = self._left[:size], self._left[size:]
        return taken

    def seek(self, position: int) -> int:
        self._stream.seek(0)
        self._decoder, self._left = codecs.getincrementaldecoder("utf-16")(), b""
        return _skip(self, position)


def _skip(stream: Any, position: int) -> int:
    left = position
    while left:
        data = stream.read(min(left, PIECE))
        if not data:
            break
        left -= len(data)
    return position - left
