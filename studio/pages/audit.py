"""Who did what, when and from where; for Administrators."""

import json
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from studio.actions.audit import export_events
from studio.models import Event
from studio.models.events import EventQuerySet
from studio.pages.acts import ACTS
from studio.pages.guard import needs
from studio.pages.listing import Listing
from studio.pages.render import render_page
from studio.roles import check_may_administer

PERIODS = {
    "day": (timedelta(days=1), gettext_lazy("Last 24 hours")),
    "week": (timedelta(days=7), gettext_lazy("Last 7 days")),
    "month": (timedelta(days=30), gettext_lazy("Last 30 days")),
    "year": (timedelta(days=365), gettext_lazy("Last year")),
}


@require_safe
@needs(check_may_administer)
def index(request: HttpRequest) -> HttpResponse:
    listing = _listing(request)
    listing.show(_events(listing, timezone.now()).select_related("actor"))
    context = {
        "listing": listing,
        "rows": [(event, str(ACTS.get(event.action, event.action)), lines(event)) for event in listing.rows],
        "people": [(name, name) for name in _people()],
        "acts": sorted(((key, str(words)) for key, words in ACTS.items()), key=lambda act: act[1]),
        "doors": Event.Through.choices,
        "periods": [(key, words) for key, (_span, words) in PERIODS.items()],
    }
    return render_page(request, "audit/index.html", context, fragment="rows")


@require_safe
@needs(check_may_administer)
def export(request: HttpRequest) -> StreamingHttpResponse:
    """What the list shows, all of it, as CSV. Taking it away is an act itself."""
    listing = _listing(request)
    wanted = {name: value for name, value in {"search": listing.search, **listing.filters}.items() if value}
    events = _events(listing, timezone.now())
    return StreamingHttpResponse(
        export_events(user=request.user, events=events, wanted=wanted),  # type: ignore[arg-type]
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


def _listing(request: HttpRequest) -> Listing:
    filters = ["person", "act", "through", "time"]
    return Listing.of(request, name="events", sorts={"at": "at"}, default="-at", filters=filters)


def _events(listing: Listing, now: datetime) -> EventQuerySet:
    wanted = listing.filters
    span = PERIODS.get(wanted["time"])
    found = Event.objects.matching(listing.search).by_person(wanted["person"]).of_action(wanted["act"])
    return found.that_came_through(wanted["through"]).since(now - span[0] if span else None)


def _people() -> list[str]:
    names = get_user_model().objects.order_by("username").values_list("username", flat=True)
    return list(names)


def lines(event: Event) -> list[str]:
    """The details of an event, a line for each; of a setting, what it was and what it became."""
    details: dict[str, Any] = dict(event.details)
    before, after = details.pop("before", None), details.pop("after", None)
    told = []
    if isinstance(after, dict):
        was = before if isinstance(before, dict) else {}
        told = [f"{name}: {_short(was.get(name))} → {_short(value)}" for name, value in after.items()]
    elif after is not None:
        told = [f"{_short(before)} → {_short(after)}"]
    return told + [f"{name}: {_short(value)}" for name, value in details.items()]


def _short(value: Any) -> str:
    if value in (None, "", [], {}):
        return "–"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
