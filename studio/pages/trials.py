"""*Try the first rows*, in the job wizard's last step."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from studio.actions.trials import find_trial, request_trial, waiting_sentence
from studio.errors import StudioError
from studio.forms.job_answers import JobAnswers
from studio.models import Trial
from studio.pages.drafts import job_draft
from studio.pages.guard import needs
from studio.pages.render import render_page, wants_fragment
from studio.roles import check_may_run


@require_POST
@needs(check_may_run)
def new(request: HttpRequest, key: str) -> HttpResponse:
    """Have the first rows of a draft's input scored, as its job would score them."""
    draft = job_draft(request, key)
    answers = JobAnswers(draft)
    review = reverse("jobs:step", args=[draft.key, "review"])
    if draft.finished_at or answers.lost(before=["settings", "input"]) or not answers.input_location:
        return redirect(review)  # which leads on to what the draft became, or to the step to mend
    datastore, path = answers.input_location
    trial, refusal = None, ""
    try:
        trial = request_trial(
            user=request.user,  # type: ignore[arg-type]
            deployment=answers.deployment,
            settings=answers.settings,
            datastore=datastore,
            path=path,
        )
    except StudioError as error:
        refusal = str(error)
    if wants_fragment(request):
        context = {"draft": draft, **_shown(trial), "refusal": refusal}
        return render_page(request, "trials/detail.html", context, fragment="trial")
    if refusal:
        messages.error(request, refusal)
    return redirect(f"{review}#trial")


@require_safe
@needs(check_may_run)
def detail(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """How far it is; polled by the wizard's page while it is not finished."""
    draft = job_draft(request, key)
    trial = Trial.objects.visible_to(request.user).select_related("deployment__cluster").filter(pk=number)
    context = {"draft": draft, **_shown(trial.first())}
    context["is_gone"] = context["trial"] is None  # after a day, or with its deployment
    return render_page(request, "trials/detail.html", context, fragment="trial")


def trial_of(answers: JobAnswers, user: Any) -> dict[str, Any]:
    """The newest trial of what these answers say, for the same part of the page."""
    if not answers.input_location:
        return _shown(None)
    datastore, path = answers.input_location
    settings = answers.settings
    return _shown(
        find_trial(
            user=user, deployment=answers.deployment, settings=settings, datastore=datastore, path=path
        )
    )


def _shown(trial: Trial | None) -> dict[str, Any]:
    return {"trial": trial, "trial_waits": waiting_sentence(trial) if trial else ""}
