"""*Browse* in the job wizard: one folder of a datastore at a time; reached as `jobs.browse_input`."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_safe

from studio.actions.browsing import folder_page
from studio.errors import StudioError
from studio.forms.job_answers import DATASTORE, pick
from studio.models import Datastore
from studio.pages.drafts import job_draft
from studio.pages.render import render_page


@require_safe
def browse_input(request: HttpRequest, key: str) -> HttpResponse:
    """A dialog, and a page without JavaScript. What is chosen goes back to the step in its address."""
    draft = job_draft(request, key)
    stores = Datastore.objects.visible_to(request.user).order_by("-is_default", "name")
    store = pick(stores, request.GET.get("datastore")) or Datastore.objects.default()
    context: dict[str, Any] = {
        "stores": stores,
        "store": store,
        "here": reverse("jobs:browse_input", args=[draft.key]),
        "step_url": reverse("jobs:step", args=[draft.key, "input"]),
        "source": DATASTORE,
    }
    try:
        begin = request.GET.get("begin", "")
        context["folder"] = folder_page(datastore=store, path=request.GET.get("path", ""), begin=begin)
    except StudioError as refusal:
        context["problem"] = str(refusal)
    return render_page(request, "jobs/browse_input.html", context, fragment="browser")
