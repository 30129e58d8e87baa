"""Who did what, when and from where."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router
from pydantic import Field

from studio.actions.audit import export_events
from studio.api.paging import Page, Paging, page_of
from studio.api.values import Named
from studio.api.wire import When, Wire
from studio.models import Event
from studio.models.events import EventQuerySet
from studio.roles import check_may_administer

router = Router(by_alias=True)


class EventFilter(Wire):
    search: str = Field("", description="A part of what was acted on.", examples=["breast-cancer-sample"])
    person: str = Field("", description="Username of who did it.", examples=["admin"])
    act: str = Field("", examples=["job.submit"])
    through: Literal["page", "token", "studio"] | None = None
    since: When = None


class EventItem(Wire):
    at: datetime
    actor: Named = Field(alias="person")
    action: str = Field(alias="act")
    subject: str
    details: dict[str, Any]
    through: str
    token: str
    ip: str | None


@router.get("", response=Page[EventItem], summary="List events")
def index(request: HttpRequest, wanted: Query[EventFilter], paging: Query[Paging]) -> dict[str, Any]:
    """The newest first."""
    check_may_administer(request.user)
    return page_of(request, _events(wanted).select_related("actor").order_by("-at", "-pk"), paging)


@router.get(
    "/export",
    summary="Download events as CSV",
    openapi_extra={"responses": {200: {"content": {"text/csv": {}}}}},
)
def export(request: HttpRequest, wanted: Query[EventFilter]) -> StreamingHttpResponse:
    """All that match. Taking them away is an event itself."""
    noted = wanted.model_dump(mode="json", exclude_defaults=True)
    lines = export_events(user=request.user, events=_events(wanted), wanted=noted)  # type: ignore[arg-type]
    disposition = {"Content-Disposition": 'attachment; filename="audit.csv"'}
    return StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8", headers=disposition)


def _events(wanted: EventFilter) -> EventQuerySet:
    found = Event.objects.matching(wanted.search).by_person(wanted.person).of_action(wanted.act)
    return found.that_came_through(wanted.through or "").since(wanted.since)
