"""Commands of the list of jobs for the rows that are selected: each asks once, naming the jobs it is about."""

from collections.abc import Callable
from dataclasses import dataclass

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from studio import permissions
from studio.actions.job_deletion import delete_job
from studio.actions.jobs import cancel_job
from studio.errors import StudioError
from studio.models import Job
from studio.pages.guard import needs
from studio.pages.render import render_page
from studio.roles import check_may_run

MOST = 100  # a page of the list has no more rows


@dataclass(frozen=True)
class Chosen:
    """A selected job, and why the command does not apply to it, if it does not."""

    job: Job
    reason: str


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def cancel_selected(request: HttpRequest) -> HttpResponse:
    chosen = _chosen(request, permissions.check_can_cancel_job)
    if request.method == "POST":
        done = _each(request, chosen, lambda job: cancel_job(user=request.user, job=job))  # type: ignore[arg-type]
        if done:
            said = ngettext("%(count)s job is being canceled.", "%(count)s jobs are being canceled.", done)
            messages.info(request, said % {"count": done})
        return redirect("jobs:index")
    return _ask(request, "jobs/cancel_selected.html", chosen)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def delete_selected(request: HttpRequest) -> HttpResponse:
    chosen = _chosen(request, permissions.check_can_delete_job)
    if request.method == "POST":
        done = _each(request, chosen, lambda job: delete_job(user=request.user, job=job))  # type: ignore[arg-type]
        if done:
            said = ngettext("%(count)s job is deleted.", "%(count)s jobs are deleted.", done)
            messages.success(request, said % {"count": done})
        return redirect("jobs:index")
    return _ask(request, "jobs/delete_selected.html", chosen)


def _chosen(request: HttpRequest, check: Callable[..., None]) -> list[Chosen]:
    sent = request.POST if request.method == "POST" else request.GET
    names = sent.getlist("selected")[:MOST]
    jobs = list(Job.objects.visible_to(request.user).named(names).newest_first())
    if not jobs:
        raise StudioError(_("None of the selected jobs is there any more. Select rows in the list first."))
    return [Chosen(job, permissions.reason_against(check, request.user, job)) for job in jobs]


def _each(request: HttpRequest, chosen: list[Chosen], act: Callable[[Job], None]) -> int:
    """How many of the jobs the command has been done to. One that refuses is named and does not keep the others."""
    done = 0
    for one in chosen:
        try:
            act(one.job)
            done += 1
        except StudioError as refusal:
            messages.warning(request, f"{one.job.display_name}: {refusal}")
    return done


def _ask(request: HttpRequest, template: str, chosen: list[Chosen]) -> HttpResponse:
    possible = [one for one in chosen if not one.reason]
    reason = "" if possible else chosen[0].reason
    context = {"chosen": chosen, "possible": possible, "reason": reason}
    return render_page(request, template, context, fragment="dialog")
