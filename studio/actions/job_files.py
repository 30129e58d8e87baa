"""The files that a job reads, as its plan has them: what each was when the job listed its input."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Any, overload

from studio.models import Job

COLUMNS = ("path", "size", "etag", "minibatch", "parts")


@dataclass(frozen=True)
class FileRead:
    path: str  # relative to the job's input
    size: int  # bytes
    etag: str  # another one once the file has changed; "" where its store has none
    minibatch: int  # number of the first that reads it
    parts: int  # mini-batches that it was divided among


class FilesRead(Sequence[FileRead]):
    """In the order of the plan; a page of them is read without the others."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __len__(self) -> int:
        return self._job.files_total

    @overload
    def __getitem__(self, wanted: int) -> FileRead: ...

    @overload
    def __getitem__(self, wanted: slice) -> list[FileRead]: ...

    def __getitem__(self, wanted: int | slice) -> FileRead | list[FileRead]:
        if isinstance(wanted, slice):
            return list(islice(self, wanted.start, wanted.stop))
        return next(islice(self, wanted, None))

    def __iter__(self) -> Iterator[FileRead]:
        for path, found in groupby(self._slices(), lambda one: one[1]["path"]):
            slices = list(found)
            number, first = slices[0]
            size = sum(one["size"] for _number, one in slices)
            yield FileRead(path, size, first["etag"], number, len(slices))

    def _slices(self) -> Iterator[tuple[int, dict[str, Any]]]:
        planned = self._job.minibatches.in_plan_order().values_list("number", "slices")
        for number, slices in planned.iterator(chunk_size=500):
            yield from ((number, one) for one in slices)


def files_as_csv(*, job: Job) -> Iterator[str]:
    """A line at a time, so that a job of a million files takes no more memory than one of ten."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for file in FilesRead(job):
        writer.writerow([getattr(file, name) for name in COLUMNS])
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()
    yield buffer.getvalue()
