"""What a job leaves behind: its files, logs, mini-batches, errors and figures."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from ninja import Query, Router
from pydantic import BeforeValidator, Field

from studio.actions import job_errors, job_logs, job_metrics, outputs
from studio.actions.job_files import FilesRead
from studio.api.downloads import FILE
from studio.api.jobs import find_job
from studio.api.paging import Page, Paging, page_of
from studio.api.wire import Wire
from studio.models import MiniBatch
from studio.pages.ranges import send_file
from studio.pages.whole_address import address

router = Router(by_alias=True)
Position = Annotated[int, Query(ge=0, le=10**15)]
FileName = Annotated[str, Query(examples=["samples-1.csv"])]
MOST_FAILED = 50  # failed files, and failed mini-batches, that one answer names


class Output(Wire):
    name: str
    size: int = Field(description="Bytes.")
    uri: str = Field(description="Where it lies, as an invocation takes it for another job’s input.")
    href: str = Field(description="Where it is downloaded.")


class LogFile(Wire):
    path: str
    size: int | None = Field(description="Bytes; null for a log that is written when it is read.")


class LogText(Wire):
    path: str
    text: str
    offset: int = Field(
        description="Byte that the text begins at: later than asked for where the log is long."
    )
    next_offset: int = Field(description="What to ask for next, to read on.")


class MiniBatchItem(Wire):
    number: int
    status: Literal["Waiting", "Running", "Completed", "Failed", "Canceled"]
    files: list[str]
    bytes: int
    rows_scored: int
    rows_failed: int
    attempts: int = Field(description="Failed attempts of the model.")
    losses: int = Field(description="Times that its node was lost.")
    node: str
    slot: int | None
    start_time: datetime | None
    end_time: datetime | None
    error: str
    error_input: str


class RowError(Wire):
    file: str
    row: str = Field(description="Empty where the whole file failed.")
    stage: str
    message: str


class FailedFile(Wire):
    path: str
    minibatch: int
    error: str


class Errors(Wire):
    value: list[RowError] = Field(description="Rows that could not be scored.")
    next_line: int | None = Field(description="What to ask for next; null at the end.")
    failed_files: list[FailedFile]
    failed_mini_batches: list[MiniBatchItem]


class ReadFile(Wire):
    path: str
    size: int
    etag: str
    minibatch: int
    parts: int


class MetricBin(Wire):
    start: float
    end: float
    count: int = Field(description="Rows.")
    share: float = Field(description="0 to 1, of the rows with a value.")
    last: float | None = Field(description="The same share in the job before.")


class MetricValue(Wire):
    value: str
    count: int = Field(description="Rows.")
    share: float = Field(description="0 to 1, of the rows with a value.")
    last: float | None = Field(description="The same share in the job before.")


class MetricColumn(Wire):
    name: str
    figures: dict[str, Any] = Field(description="Counts and statistics, as the summary has them.")
    last: dict[str, Any] = Field(description="The same of the job before.")
    bins: list[MetricBin] = Field(description="Of a column of numbers.")
    values: list[MetricValue] = Field(description="Of a column of classes: the most frequent ones.")
    others: int = Field(alias="otherRows", description="Rows with a value that is not among them.")
    stability: float | None = Field(
        description="Population stability index against the job before: below 0.1 is stable, 0.25 a shift."
    )


class Phases(Wire):
    read: float
    predict: float
    write: float


class Distribution(Wire):
    columns: list[MetricColumn]
    left_out: int = Field(alias="columnsLeftOut")
    last: Annotated[str | None, BeforeValidator(lambda job: job and job.name)] = Field(
        alias="comparedWith", description="Name of the job before: the last completed one of its deployment."
    )
    seconds: Phases = Field(description="That its scorers took for each.")
    sampled: int = Field(
        alias="sampledMiniBatches", description="That the figures of a running job come from; 0: from all."
    )
    of: int = Field(alias="completedMiniBatches")


class ThroughputPoint(Wire):
    second: float = Field(description="Since its first mini-batch began.")
    rate: float = Field(alias="rowsPerSecond")


class Rates(Wire):
    points: list[ThroughputPoint]
    step: float = Field(alias="stepSeconds", description="That a point stands for.")
    sampled: int = Field(alias="sampledMiniBatches", description="That the rates come from.")
    of: int = Field(alias="completedMiniBatches")


class Metrics(Wire):
    predictions: Distribution
    throughput: Rates


class Summary(Wire):
    summary: Any = Field(description="What _summary.json holds; null until the job has ended.")


class MiniBatchFilter(Wire):
    state: Literal["", "waiting", "running", "completed", "failed", "canceled", "retried", "with_losses"] = ""


@router.get("/{name}/outputs", response=Page[Output], summary="List what a job wrote")
def index(request: HttpRequest, name: str, paging: Query[Paging]) -> dict[str, Any]:
    job = find_job(request, name)
    found = [
        {
            "name": one.name,
            "size": one.size,
            "uri": f"azureml://datastores/{job.output_datastore_name}/paths/{one.path}",
            "href": address(request, reverse("api:job_results_download", args=[name, one.name])),
        }
        for one in outputs.list_outputs(job=job)
    ]
    return page_of(request, found, paging)


@router.get("/{name}/outputs/{file}", summary="Download a file that a job wrote", openapi_extra=FILE)
def download(request: HttpRequest, name: str, file: str) -> HttpResponseBase:
    """Whole, or the part that the header Range asks for."""
    job = find_job(request, name)
    found = outputs.find_output(job=job, name=file)
    stream = outputs.open_output(job=job, name=file)
    return send_file(request, stream, name=file, size=found.size, etag=found.etag)


@router.get("/{name}/logs", response=Page[LogFile], summary="List the logs of a job")
def logs(request: HttpRequest, name: str, paging: Query[Paging]) -> dict[str, Any]:
    return page_of(request, job_logs.list_logs(job=find_job(request, name)), paging)


@router.get("/{name}/logs/{path:path}", response=LogText, summary="Read a log of a job")
def log(request: HttpRequest, name: str, path: str, offset: Position = 0) -> dict[str, Any]:
    """From a byte on, at most its last megabyte."""
    found = job_logs.read_log(job=find_job(request, name), path=path)
    begin = found.size - found.shown  # of what is kept
    first = min(max(offset, begin), found.size)
    text = found.text.encode()[first - begin :].decode(errors="replace")
    return {"path": path, "text": text, "offset": first, "next_offset": found.size}


@router.get("/{name}/minibatches", response=Page[MiniBatchItem], summary="List the mini-batches of a job")
def minibatches(
    request: HttpRequest, name: str, wanted: Query[MiniBatchFilter], paging: Query[Paging]
) -> dict[str, Any]:
    """In the order of the plan."""
    rows = find_job(request, name).minibatches.for_list().in_plan_order()
    page = page_of(request, getattr(rows, wanted.state)() if wanted.state else rows, paging)
    return {**page, "value": [_minibatch(one) for one in page["value"]]}


@router.get("/{name}/errors", response=Errors, summary="What of a job could not be scored")
def errors(request: HttpRequest, name: str, file: FileName = "", line: Position = 0) -> dict[str, Any]:
    """Rows from a line of errors.csv on, those of files whose name has `file` in it; and what failed whole."""
    job = find_job(request, name)
    has_rows = job_errors.wrote_errors(job=job)
    page = job_errors.row_errors(job=job, file=file, first=line) if has_rows else None
    return {
        "value": page.errors if page else [],
        "next_line": page.next if page else None,
        "failed_files": job_errors.failed_files(job=job, most=MOST_FAILED),
        "failed_mini_batches": [_minibatch(one) for one in job.minibatches.for_errors()[:MOST_FAILED]],
    }


@router.get("/{name}/summary", response=Summary, summary="Counts and statistics of a job’s predictions")
def summary(request: HttpRequest, name: str) -> dict[str, Any]:
    return {"summary": find_job(request, name).summary}


@router.get("/{name}/metrics", response=Metrics, summary="What a job predicts, and how quickly")
def metrics(request: HttpRequest, name: str) -> dict[str, Any]:
    """The numbers of its charts, beside those of the job before; also while it runs."""
    job = find_job(request, name)
    return {"predictions": job_metrics.predictions(job=job), "throughput": job_metrics.throughput(job=job)}


@router.get("/{name}/files", response=Page[ReadFile], summary="List the files that a job reads")
def files(request: HttpRequest, name: str, paging: Query[Paging]) -> dict[str, Any]:
    """As they were when it listed its input."""
    return page_of(request, FilesRead(find_job(request, name)), paging)


def _minibatch(one: MiniBatch) -> dict[str, Any]:
    return {
        "number": one.number,
        "status": one.status,
        "files": [planned["path"] for planned in one.slices],
        "bytes": one.bytes,
        "rows_scored": one.rows_scored,
        "rows_failed": one.rows_failed,
        "attempts": one.attempts,
        "losses": one.losses,
        "node": one.node,
        "slot": one.slot,
        "start_time": one.started_at,
        "end_time": one.finished_at,
        "error": one.error,
        "error_input": one.error_input,
    }
