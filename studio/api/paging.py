"""Lists come a page at a time, as `{"value": […], "nextLink": …}`."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet
from django.http import HttpRequest
from pydantic import Field

from studio.api.wire import Wire
from studio.pages.whole_address import address

Item = TypeVar("Item")
LARGEST = 200


class Paging(Wire):
    limit: int = Field(50, ge=1, le=LARGEST, description="Items of a page.")
    offset: int = Field(0, ge=0, le=1_000_000_000, description="Items to leave out.")


class Page(Wire, Generic[Item]):
    value: list[Item]
    next_link: str | None = Field(description="Address of the next page; null on the last one.")


def page_of(request: HttpRequest, rows: QuerySet | Sequence[Any], paging: Paging) -> dict[str, Any]:
    """One more is asked for than shown, which tells whether there is a next page without counting."""
    found = list(rows[paging.offset : paging.offset + paging.limit + 1])
    more = None
    if len(found) > paging.limit:
        query = request.GET.copy()
        query["offset"], query["limit"] = str(paging.offset + paging.limit), str(paging.limit)
        more = address(request, f"{request.path}?{query.urlencode()}")
    return {"value": found[: paging.limit], "next_link": more}
