"""*Browse* in the job wizard: one folder of a datastore at a time; reached as `jobs.browse_input`."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from studio.actions.addresses import is_address
from studio.actions.browsing import folder_page
from studio.errors import StudioError
from studio.forms.job_answers import DATASTORE, pick
from studio.models import Datastore
from studio.pages.drafts import job_draft
from studio.pages.guard import needs
from studio.pages.render import render_page
from studio.roles import check_may_run


@sensitive_post_parameters("path")
@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def browse_input(request: HttpRequest, key: str) -> HttpResponse:
    """A dialog, and a page without JavaScript. What is chosen goes back to the step in its address."""
    draft = job_draft(request, key)
    stores = Datastore.objects.visible_to(request.user).order_by("-is_default", "name")
    chosen = (
        request.POST if request.method == "POST" else request.GET
    )  # posted: what is typed may be an address
    path = chosen.get("path", "")
    store = pick(stores, chosen.get("datastore")) or Datastore.objects.default()
    context: dict[str, Any] = {
        "stores": stores,
        "store": store,
        "kept": {"datastore": store.pk},
        "here": reverse("jobs:browse_input", args=[draft.key]),
        "step_url": reverse("jobs:step", args=[draft.key, "input"]),
        "source": DATASTORE,
    }
    try:
        begin, prefix = chosen.get("begin", ""), chosen.get("prefix", "")
        context["folder"] = folder_page(
            datastore=store, path="" if is_address(path) else path, begin=begin, prefix=prefix
        )
    except StudioError as refusal:
        context["problem"] = str(refusal)
    return render_page(request, "jobs/browse_input.html", context, fragment="browser")
