"""*Outputs + logs*: the tree of a job's logs and the log that is shown; its views are reached as `jobs.log`."""

from typing import Any
from urllib.parse import urlencode
from zlib import crc32

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from studio.actions import job_logs
from studio.errors import NotFound
from studio.models import Job
from studio.pages.bearer import takes_tokens
from studio.pages.job_head import STOP_POLLING, find_job, is_poll
from studio.pages.render import attach, wants_fragment

FIRST = "logs/job_progress_overview.txt"


@require_safe
def log(request: HttpRequest, name: str) -> HttpResponse:
    """The text of one log, which asks for itself while the job runs."""
    path = request.GET.get("path", "")
    if not wants_fragment(request):
        return redirect(f"{reverse('jobs:outputs', args=[name])}?{urlencode({'log': path})}")
    job = Job.objects.visible_to(request.user).filter(name=name).first()
    if job is None:
        return HttpResponse(status=STOP_POLLING, headers={"HX-Reswap": "none"})
    text = job_logs.read_log(job=job, path=path)
    if _seen(text) == request.GET.get("seen"):
        return HttpResponse(status=204)
    return render(request, "jobs/_log_text.html", {"job": job, "log": _shown(job, text, follows=True)})


@takes_tokens
@require_safe
def log_download(request: HttpRequest, name: str) -> HttpResponseBase:
    job, path = find_job(request, name), request.GET.get("path", "")
    response = StreamingHttpResponse(
        job_logs.stream_log(job=job, path=path), content_type="text/plain; charset=utf-8"
    )
    attach(response, path.rsplit("/", 1)[-1])
    return response


def log_panel(request: HttpRequest, job: Job) -> dict[str, Any]:
    """The tree, and the log in the address or else the first that people look at."""
    path = request.GET.get("log") or FIRST
    shows_data = request.GET.get("show") == "data"
    panel: dict[str, Any] = {"tree": _tree(job, path, shows_data), "path": path, "id": _key(path)}
    if is_poll(request) and not job.is_finished:
        return panel  # the viewer asks for its own text and stays as it is
    try:
        text = job_logs.read_log(job=job, path=path)
    except NotFound as gone:
        return panel | {"problem": str(gone)}
    return panel | _shown(job, text, follows=not job.is_finished or is_poll(request))


def _shown(job: Job, text: job_logs.LogText, *, follows: bool) -> dict[str, Any]:
    query = urlencode({"path": text.path, "seen": _seen(text)})
    return {
        "id": _key(text.path),
        "text": text,
        "follows": follows,
        "poll": "" if job.is_finished else f"{reverse('jobs:log', args=[job.name])}?{query}",
    }


def _seen(text: job_logs.LogText) -> str:
    return f"{text.size}-{crc32(text.text.encode()):x}"


def _key(path: str) -> str:
    return f"log-{crc32(path.encode()):x}"


def _tree(job: Job, current: str, shows_data: bool) -> list[dict[str, Any]]:
    """Folders and files as ui/tree.html draws them."""
    root: list[dict[str, Any]] = []
    address = reverse("jobs:outputs", args=[job.name])
    for file in job_logs.list_logs(job=job):
        *folders, name = file.path.split("/")
        level = root
        for folder in folders:
            level = _folder(level, folder)["children"]
        query = {"log": file.path} | ({"show": "data"} if shows_data else {})
        level.append(
            {
                "name": name,
                "href": f"{address}?{urlencode(query)}",
                "size": file.size,
                "current": file.path == current,
            }
        )
    return root


def _folder(level: list[dict[str, Any]], name: str) -> dict[str, Any]:
    for node in level:
        if node["name"] == name:
            return node
    level.append({"name": name, "children": []})
    return level[-1]
