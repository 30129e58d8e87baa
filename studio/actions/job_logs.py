"""The logs of a job: which there are, and what is in them."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from studio.actions import job_log_texts as texts
from studio.errors import NotFound
from studio.models import Job, JobLog

KEPT = 1 << 20  # bytes of what a process has printed, from its end; the most that is shown of any log
KEPT_FOR = timedelta(days=30)
MOST_SHOWN = 2000  # mini-batches that a log tells of while it is shown; a download has all
MOST_PLACES = 400
STDOUT = re.compile(r"logs/user/stdout/(?P<node>.+)/process(?P<slot>\d+)\.stdout\.txt")
Writer = Callable[[int | None], Iterator[str]]


@dataclass(frozen=True)
class LogFile:
    path: str
    size: int | None = None  # bytes; None of what is written when it is read


@dataclass(frozen=True, kw_only=True)
class LogText:
    path: str
    text: str
    size: int  # bytes of the whole log
    shown: int  # bytes of `text`

    @property
    def is_cut(self) -> bool:
        return self.size > self.shown


def stdout_path(*, node: str, slot: int) -> str:
    return f"logs/user/stdout/{node}/process{slot:03}.stdout.txt"


def list_logs(*, job: Job) -> list[LogFile]:
    """Those that there are by now, in the order of their paths."""
    printed = [LogFile(log.path, log.size) for log in job.logs.for_tree()]
    return sorted([*(LogFile(path) for path in _writers(job, printed)), *printed], key=lambda one: one.path)


def read_log(*, job: Job, path: str) -> LogText:
    """The log, its last megabyte where it is longer. Raises NotFound."""
    printed = job.logs.filter(path=path).first()
    if printed:
        return LogText(path=path, text=printed.text, size=printed.size, shown=len(printed.text.encode()))
    lines = _writer(job, path)(MOST_SHOWN)
    text = "".join(f"{line}\n" for line in lines)
    size = len(text.encode())
    if size > KEPT:
        text = whole_lines(text.encode()[-KEPT:])
    return LogText(path=path, text=text, size=size, shown=len(text.encode()))


def stream_log(*, job: Job, path: str) -> Iterator[bytes]:
    """All that is known of the log, for a download. Raises NotFound at once."""
    printed = job.logs.filter(path=path).first()
    if printed:
        return iter([printed.text.encode()])
    lines = _writer(job, path)(None)
    return (f"{line}\n".encode() for line in lines)


def whole_lines(end: bytes) -> str:
    """The end of a log as text, from its first whole line on."""
    _half, _break, rest = end.partition(b"\n")
    return (rest or end).decode(errors="replace")


def forget_old_logs() -> None:
    """What processes printed a month ago."""
    JobLog.objects.filter(updated_at__lt=Now() - KEPT_FOR).delete()


def _writer(job: Job, path: str) -> Writer:
    printed = [LogFile(log.path, log.size) for log in job.logs.for_tree()]
    found = _writers(job, printed).get(path)
    if found is None:
        raise NotFound(_("This job has no log called “%(path)s”.") % {"path": path})
    return found


def _writers(job: Job, printed: list[LogFile]) -> dict[str, Writer]:
    """The logs that are written when they are read."""
    found: dict[str, Writer] = {
        "logs/job_progress_overview.txt": lambda _most: texts.overview(job),
        "logs/readme.txt": lambda _most: texts.readme(job),
        "logs/sys/master_role.txt": lambda most: texts.master(job, most),
    }
    if job.is_finished:
        found["logs/job_result.txt"] = lambda _most: texts.result(job)
    if job.error:
        found["logs/job_error.txt"] = lambda _most: texts.error(job)
    if job.minibatches_total:
        found["logs/user/error.txt"] = lambda _most: texts.user_error(job)
        found["logs/sys/job_report/processed_mini-batches.csv"] = lambda most: texts.processed_csv(job, most)
    for node, slot in _places(job, printed):
        found[f"logs/sys/node/{node}/process{slot:03}.txt"] = (
            lambda most, node=node, slot=slot: texts.process(job, node, slot, most)  # type: ignore[misc]
        )
    for node, slot in _places_of_errors(job):
        found[f"logs/user/error/{node}/process{slot:03}.txt"] = (
            lambda most, node=node, slot=slot: texts.user_error_of(job, node, slot, most)  # type: ignore[misc]
        )
    return found


def _places(job: Job, printed: list[LogFile]) -> list[tuple[str, int]]:
    """Nodes and slots that have worked on the job. Each scorer leaves a log, so its mini-batches need not be asked."""
    matches = [match for log in printed if (match := STDOUT.fullmatch(log.path))]
    if matches:
        return sorted((match["node"], int(match["slot"])) for match in matches)
    worked = job.minibatches.begun().exclude(node="").order_by("node", "slot")
    return list(worked.values_list("node", "slot").distinct()[:MOST_PLACES])


def _places_of_errors(job: Job) -> list[tuple[str, int]]:
    if not job.minibatches_total:
        return []
    failed = texts.with_errors(job).exclude(node="").order_by("node", "slot")
    return list(failed.values_list("node", "slot").distinct()[:MOST_PLACES])
