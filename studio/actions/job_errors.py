"""The rows that a job could not score, from the errors.csv that it wrote."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from django.utils.translation import gettext as _

from studio.actions.outputs import find_output
from studio.errors import NotFound
from studio.models import Job
from studio.stores import open_store

NAME = "errors.csv"
PAGE = 50
MOST_READ = 200_000  # lines that one look reads before it says how far it has come
COLUMNS = ("file_name", "row", "stage", "message")


@dataclass(frozen=True)
class RowError:
    file: str
    row: str  # empty where the whole file failed
    stage: str
    message: str


@dataclass(frozen=True, kw_only=True)
class ErrorPage:
    errors: Sequence[RowError]
    first: int  # line that reading began at, from 0
    next: int | None  # line to go on from; None at the end
    is_partial: bool  # reading stopped before the page was full, since so many lines do not match


@dataclass(frozen=True, kw_only=True)
class FailedFile:
    path: str
    minibatch: int
    error: str
    traceback: str


def failed_files(*, job: Job, most: int) -> list[FailedFile]:
    """The first files of completed mini-batches of which nothing could be scored."""
    found: list[FailedFile] = []
    for minibatch in job.minibatches.with_unscored_files().in_plan_order()[:most]:
        reports = zip(minibatch.slices, (minibatch.report or {})["slices"], strict=True)
        found += (
            FailedFile(
                path=planned["path"],
                minibatch=minibatch.number,
                error=scored["failed"],
                traceback=scored.get("traceback", ""),
            )
            for planned, scored in reports
            if scored["failed"]
        )
    return found[:most]


def wrote_errors(*, job: Job) -> bool:
    return NAME in job.outputs


def row_errors(*, job: Job, file: str = "", first: int = 0) -> ErrorPage:
    """Up to 50 lines of errors.csv from line `first` on whose file's name has `file` in it. Raises NotFound."""
    if not wrote_errors(job=job):
        raise NotFound(_("This job has written no errors.csv."))
    found = find_output(job=job, name=NAME)
    with open_store(job.output_datastore).open(found.path) as stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        return _page(csv.reader(text), file.casefold(), first)


def _page(lines: Iterator[list[str]], file: str, first: int) -> ErrorPage:
    next(lines, None)  # the header
    errors: list[RowError] = []
    at = first
    for line in islice(lines, first, first + MOST_READ):
        if len(errors) == PAGE:
            return ErrorPage(errors=errors, first=first, next=at, is_partial=False)
        at += 1
        if line and (not file or file in line[0].casefold()):
            errors.append(RowError(*(line + [""] * len(COLUMNS))[: len(COLUMNS)]))
    more = next(lines, None) is not None
    return ErrorPage(
        errors=errors, first=first, next=at if more else None, is_partial=more and len(errors) < PAGE
    )
