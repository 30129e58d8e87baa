"""Drafts of both wizards: found again, and thrown away."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from studio.actions.drafts import discard_draft
from studio.finding import found
from studio.models import Draft
from studio.pages.referrer import came_from, own_address
from studio.pages.render import render_page


def draft_of(request: HttpRequest, key: str, kind: str) -> tuple[Draft, HttpResponse | None]:
    """The person's own draft; where it is gone, a redirect to where one begins anew."""
    draft = Draft.objects.visible_to(request.user).of_kind(kind).filter(key=key).first()
    if draft:
        return draft, None
    if Draft.objects.filter(key=key).exists():  # somebody else's
        raise Http404
    messages.error(request, _("This draft was discarded, or left for more than 30 days. Begin again."))
    return Draft(kind=kind), redirect(_list_of(kind))


def job_draft(request: HttpRequest, key: str) -> Draft:
    """Raises NotFound."""
    mine = Draft.objects.visible_to(request.user).jobs()
    return found(mine, _("This draft was discarded, or left for more than 30 days. Begin again."), key=key)


def _list_of(kind: str) -> str:
    return reverse("jobs:index" if kind == Draft.Kind.JOB else "endpoints:index")


@require_http_methods(["GET", "HEAD", "POST"])
def discard(request: HttpRequest, key: str) -> HttpResponse:
    """Asks first: what was answered is thrown away."""
    draft = Draft.objects.visible_to(request.user).filter(key=key).first()
    back = _page_behind(request)
    if draft is None or draft.finished_at:  # done already, in another tab
        return redirect(back or "home")
    if request.method == "POST":
        discard_draft(draft=draft)
        messages.success(request, _("The draft is discarded."))
        return redirect(own_address(request.POST.get("back", "")) or _list_of(draft.kind))
    context = {"draft": draft, "back": back or _list_of(draft.kind)}
    return render_page(request, "drafts/discard.html", context, fragment="dialog")


def _page_behind(request: HttpRequest) -> str:
    """The page below the dialog, or the one that led here."""
    htmx = getattr(request, "htmx", None)
    if htmx:
        return own_address(htmx.current_url_abs_path or "")
    return came_from(request)
