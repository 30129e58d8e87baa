"""What a job has written, to be looked at and taken away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO

from django.utils.translation import gettext as _

from scoring.preview import page_of_csv, page_of_parquet
from studio.errors import NotFound
from studio.models import Job
from studio.stores import StoredObject, open_store

PAGE = 50
LONGEST_TEXT = 1 << 20


@dataclass(frozen=True)
class OutputColumn:
    name: str
    numeric: bool


@dataclass(frozen=True, kw_only=True)
class OutputPage:
    """Rows `first` to `last` of an output, counted from 0; or its text when it is not a table."""

    file: StoredObject
    columns: Sequence[OutputColumn] = ()
    rows: Sequence[Sequence[str]] = ()
    first: int = 0
    last: int = -1
    total: int | None = None  # where it is known without reading all of the file
    before: int | None = None  # first row of the page before, and of the one after
    after: int | None = None
    text: str | None = None


def list_outputs(*, job: Job) -> list[StoredObject]:
    """The objects that the job wrote, predictions first, as far as they are still there."""
    store = open_store(job.output_datastore)
    found = (store.stat(job.output_object(name)) for name in job.outputs)
    return [item for item in found if item]


def find_output(*, job: Job, name: str) -> StoredObject:
    """Raises NotFound for a name that is not one of the job's own outputs."""
    for item in list_outputs(job=job):
        if item.name == name:
            return item
    raise NotFound(_("This job has no output called “%(name)s”.") % {"name": name})


def open_output(*, job: Job, name: str) -> BinaryIO:
    """Raises NotFound for a name that is not one of the job's own outputs."""
    return open_store(job.output_datastore).open(find_output(job=job, name=name).path)


def preview(*, job: Job, name: str, first: int) -> OutputPage:
    """50 rows of an output, from row `first` on (from 0), or its last where `first` lies behind it. Raises NotFound."""
    file = find_output(job=job, name=name)
    total = job.rows_scored if name == job.output_file_name else None
    if total is not None:
        first = min(first, max(total - 1, 0))
    with open_store(job.output_datastore).open(file.path) as stream:
        if name.endswith(".json"):
            return OutputPage(file=file, text=stream.read(LONGEST_TEXT).decode(errors="replace"))
        if name.endswith(".csv"):
            has_header = name != job.output_file_name or bool(job.settings["write_header"])
            page = page_of_csv(stream=stream, offset=first, limit=PAGE, header=has_header)
        else:
            page = page_of_parquet(stream=stream, offset=first, limit=PAGE)
    width = max((len(row) for row in page.rows), default=0)
    names = page.header or [_("column %(number)s") % {"number": number + 1} for number in range(width)]
    return OutputPage(
        file=file,
        columns=[OutputColumn(each, _is_numeric(page.rows, place)) for place, each in enumerate(names)],
        rows=page.rows,
        first=first,
        last=first + len(page.rows) - 1,
        total=total,
        # Where nothing is, the page before is not known without reading all of the file: back to the start.
        before=(max(first - PAGE, 0) if page.rows else 0) if first else None,
        after=first + PAGE if page.has_more else None,
    )


def _is_numeric(rows: Sequence[Sequence[str]], place: int) -> bool:
    """Whether the column's numbers should line up: all that is shown of it are numbers."""
    values = [row[place] for row in rows if place < len(row) and row[place]]
    try:
        return bool([float(value) for value in values])
    except ValueError:
        return False
