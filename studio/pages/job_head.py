"""What every tab of a job's page stands in: the job itself, its graph and what its commands may do."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import Resolver404, resolve, reverse
from django.utils.translation import gettext as _

from studio import permissions
from studio.errors import NotFound
from studio.finding import found
from studio.models import Job
from studio.models.job_queries import JobQuerySet
from studio.pages import job_overview
from studio.pages.referrer import came_from
from studio.pages.render import wants_fragment
from studio.queue import broker_answers
from studio.roles import Person

STOP_POLLING = 286
LISTS = ("jobs:index", "endpoints:jobs", "models:jobs", "data:jobs", "compute:jobs")
LIST = "list_of_jobs"  # in the session: the list that a job was opened from


def find_job(request: HttpRequest, name: str) -> Job:
    return _found(Job.objects.visible_to(request.user).for_page(), name)


def glance_at_job(request: HttpRequest, name: str) -> Job:
    return _found(Job.objects.visible_to(request.user).at_a_glance(), name)


def _found(visible: JobQuerySet, name: str) -> Job:
    gone = _("There is no job “%(name)s”. It may have been deleted.") % {"name": name}
    job: Job = found(visible, gone, name=name)
    return job


def is_poll(request: HttpRequest) -> bool:
    """Whether the live part of a job's page asks for itself."""
    return wants_fragment(request) and request.htmx.trigger == "job"  # type: ignore[attr-defined]


def until_deleted(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A page that follows its job, and says so where somebody has deleted that."""

    @wraps(view)
    def following(request: HttpRequest, name: str, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, name, **kwargs)
        except NotFound:
            if not is_poll(request):
                raise
            return render(request, "jobs/_gone.html", {"list_url": list_of(request)}, status=STOP_POLLING)

    return following


def page_head(request: HttpRequest, job: Job, *, tab: str) -> dict[str, Any]:
    """What every tab of a job's page shows around itself."""
    _remember_list(request)
    return {
        "address": request.get_full_path(),
        **why_not(request.user, job),
        **head_for_all(job, tab=tab),
    }


def why_not(user: Person, job: Job) -> dict[str, str]:
    """Why this person may not do what the page offers, empty where they may: all in which two people's pages differ."""
    checks = {
        "why_no_cancel": permissions.check_can_cancel_job,
        "why_no_resubmit": permissions.check_can_resubmit_job,
        "why_no_retry": permissions.check_can_retry_job,
        "why_no_delete": permissions.check_can_delete_job,
        "why_no_rename": permissions.check_can_rename_job,
    }
    return {name: permissions.reason_against(check, user, job) for name, check in checks.items()}


def head_for_all(job: Job, *, tab: str) -> dict[str, Any]:
    """The same for everybody who may see the job."""
    return {
        "job": job,
        "tab": tab,
        "broker_is_away": not job.is_finished and not broker_answers(),
        "nodes": job_overview.graph_nodes(job, tab=tab),
        "waiting": job_overview.waiting(job),
        "repeats": job_overview.repeats(job),
        "seconds": job_overview.poll_seconds(job),
    }


def _remember_list(request: HttpRequest) -> None:
    """So that the person who deletes the job gets back there."""
    address = came_from(request)
    if wants_fragment(request) or not address:
        return
    try:
        is_list = resolve(urlsplit(address).path).view_name in LISTS
    except Resolver404:
        return
    if is_list and request.session.get(LIST) != address:
        request.session[LIST] = address


def list_of(request: HttpRequest) -> str:
    """The list that the person came from, as they left it; the list of all jobs where it is not known."""
    return str(request.session.get(LIST) or reverse("jobs:index"))
