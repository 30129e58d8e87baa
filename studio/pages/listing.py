"""State of a list in the address: search, filters, sort, page and page size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, QueryDict

PAGE_SIZES = (25, 50, 100)


@dataclass
class Listing:
    """Made from the request with `of()`, asked for `search` and `filters`, then filled with `show(rows)`."""

    name: str
    path: str
    query: QueryDict
    search: str
    filters: dict[str, str]
    sort: str
    default_sort: str
    size: int
    sorts: Mapping[str, Sequence[str]]
    page: Page[Any] | None = field(default=None)
    target: str = (
        "closest .list-rows"  # what sort and page links swap: the rows, or the polled part around them
    )

    @classmethod
    def of(
        cls,
        request: HttpRequest,
        *,
        name: str,
        sorts: Mapping[str, str | Sequence[str]],
        default: str,
        filters: Sequence[str] = (),
        path: str = "",
    ) -> Self:
        """`sorts` maps a column's name in the address to the fields to order by; `path` is the page's address
        where a polled part has its own."""
        fields = {key: (value,) if isinstance(value, str) else tuple(value) for key, value in sorts.items()}
        sort = request.GET.get("sort", default)
        size = request.GET.get("size", "")
        return cls(
            name=name,
            path=path or request.path,
            query=request.GET,
            search=request.GET.get("search", "").strip(),
            filters={key: request.GET.get(key, "") for key in filters},
            sort=sort if sort.removeprefix("-") in fields else default,
            default_sort=default,
            size=int(size) if size in map(str, PAGE_SIZES) else PAGE_SIZES[0],
            sorts=fields,
        )

    def show(self, rows: QuerySet[Any] | Sequence[Any]) -> Self:
        """Sorts a queryset (a plain sequence is taken as sorted) and takes the page that was asked for."""
        if isinstance(rows, QuerySet):
            sign = "-" if self.sort.startswith("-") else ""
            # The primary key last: equal values must not jump between pages.
            rows = rows.order_by(
                *(sign + name for name in self.sorts[self.sort.removeprefix("-")]), f"{sign}pk"
            )
        self.page = Paginator(rows, self.size).get_page(self.query.get("page"))
        return self

    @property
    def rows(self) -> Sequence[Any]:
        return list(self.page.object_list) if self.page else []

    @property
    def total(self) -> int:
        return self.page.paginator.count if self.page else 0

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or any(self.filters.values()))

    @property
    def is_empty(self) -> bool:
        """Nothing there at all, as opposed to nothing that matches."""
        return self.total == 0 and not self.is_filtered

    @property
    def size_links(self) -> list[tuple[int, str, bool]]:
        return [
            (size, self.url(size=size if size != PAGE_SIZES[0] else None, page=None), size == self.size)
            for size in PAGE_SIZES
        ]

    def url(self, **changes: str | int | None) -> str:
        """This list's address with some of its query changed; `None` or an empty value takes it out."""
        query = self.query.copy()
        for key, value in changes.items():
            if value in (None, ""):
                query.pop(key, None)
            else:
                query[key] = str(value)
        encoded = query.urlencode()
        return f"{self.path}?{encoded}" if encoded else self.path
