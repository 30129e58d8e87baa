"""Commands of a job's page; reached as `jobs.rename`, `jobs.resubmit` and so on."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions.drafts import start_draft
from studio.actions.job_definition import definition_text, record_text
from studio.actions.job_deletion import deletable_outputs, delete_job, why_outputs_stay
from studio.actions.job_retry import retry_job, retry_plan
from studio.actions.jobs import cancel_job, rename_job
from studio.forms.job_commands import DeleteForm, RenameForm, RetryForm
from studio.forms.resubmit import answers_of
from studio.models import Draft, Job
from studio.pages.guard import needs
from studio.pages.job_head import find_job, list_of
from studio.pages.referrer import own_address
from studio.pages.render import render_page
from studio.roles import check_may_run


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def cancel(request: HttpRequest, name: str) -> HttpResponse:
    """Asks first: what has been scored is thrown away."""
    job = find_job(request, name)
    if request.method == "POST":
        cancel_job(user=request.user, job=job)  # type: ignore[arg-type]
        messages.info(request, _("%(name)s is being canceled.") % {"name": job.display_name})
        return redirect(_back(request, job))
    reason = permissions.reason_against(permissions.check_can_cancel_job, request.user, job)
    return render_page(request, "jobs/cancel.html", {"job": job, "why_no_cancel": reason}, fragment="dialog")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def rename(request: HttpRequest, name: str) -> HttpResponse:
    job = find_job(request, name)
    data = request.POST if request.method == "POST" else None
    form = RenameForm(data, initial={"display_name": job.display_name})
    if form.is_valid():
        rename_job(user=request.user, job=job, display_name=form.cleaned_data["display_name"])  # type: ignore[arg-type]
        messages.success(request, _("The job is now called %(name)s.") % {"name": job.display_name})
        return redirect(_back(request, job))
    context = {"job": job, "form": form}
    return render_page(
        request, "jobs/rename.html", context, fragment="dialog", status=422 if form.errors else 200
    )


@require_safe
@needs(check_may_run)
def resubmit(request: HttpRequest, name: str) -> HttpResponse:
    """The wizard, filled in with the answers of this job, at its end; the wizard itself leads to what has gone."""
    job = find_job(request, name)
    if request.method == "HEAD":  # nobody who only looks begins anything
        return HttpResponse()
    permissions.check_can_resubmit_job(request.user, job)
    draft = start_draft(user=request.user, kind=Draft.Kind.JOB, answers=answers_of(job))  # type: ignore[arg-type]
    return redirect("jobs:step", key=draft.key, step="review")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def retry(request: HttpRequest, name: str) -> HttpResponse:
    job = find_job(request, name)
    form = RetryForm(request.POST if request.method == "POST" else None, initial={"key": uuid.uuid4()})
    if request.method == "POST":
        key = form.cleaned_data["key"] if form.is_valid() else None
        made = retry_job(user=request.user, job=job, key=key)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s is submitted.") % {"name": made.display_name})
        return redirect("jobs:detail", name=made.name)
    reason = permissions.reason_against(permissions.check_can_retry_job, request.user, job)
    plan = None if reason else retry_plan(job=job)
    context = {"job": job, "form": form, "plan": plan, "why_no_retry": reason or (plan and plan.problem)}
    return render_page(request, "jobs/retry.html", context, fragment="dialog")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def delete(request: HttpRequest, name: str) -> HttpResponse:
    job = find_job(request, name)
    if request.method == "POST":
        form = DeleteForm(request.POST)
        with_outputs = form.is_valid() and form.cleaned_data["with_outputs"]
        delete_job(user=request.user, job=job, with_outputs=with_outputs)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s is deleted.") % {"name": job.display_name})
        return redirect(list_of(request))
    files = deletable_outputs(job=job) if job.outputs else []
    context = {
        "job": job,
        "form": DeleteForm(),
        "why_no_delete": permissions.reason_against(permissions.check_can_delete_job, request.user, job),
        "files": len(files),
        "size": sum(file.size for file in files),
        "why_outputs_stay": why_outputs_stay(job=job) if job.outputs else "",
    }
    return render_page(request, "jobs/delete.html", context, fragment="dialog")


@require_safe
def record(request: HttpRequest, name: str) -> HttpResponse:
    """Raw JSON: what the studio has noted about the job."""
    job = find_job(request, name)
    source = {
        "title": _("Raw JSON"),
        "text": record_text(job=job),
        "url": reverse("jobs:record", args=[name]),
    }
    return _source(request, job, source, "application/json", "json")


@require_safe
def definition(request: HttpRequest, name: str) -> HttpResponse:
    """YAML with which the job can be created again."""
    job = find_job(request, name)
    source = {
        "title": _("YAML"),
        "text": definition_text(job=job),
        "url": reverse("jobs:definition", args=[name]),
    }
    return _source(request, job, source, "application/yaml", "yml")


def _source(request: HttpRequest, job: Job, source: dict[str, Any], kind: str, suffix: str) -> HttpResponse:
    if "download" in request.GET:
        response = HttpResponse(source["text"], content_type=f"{kind}; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{job.name}.{suffix}"'
        return response
    return render_page(request, "jobs/source.html", {"job": job, **source}, fragment="dialog")


def _back(request: HttpRequest, job: Job) -> str:
    """The tab of the job's page that the dialog was opened on; the first one without JavaScript."""
    htmx = getattr(request, "htmx", None)
    page, here = reverse("jobs:detail", args=[job.name]), reverse("jobs:rename", args=[job.name])
    current = own_address(htmx.current_url_abs_path or "") if htmx else ""
    return current if current.startswith(page) and not current.startswith(here) else page
