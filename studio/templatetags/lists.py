"""Lists: toolbar, rows, sort headers, check boxes. They draw what studio.pages.listing.Listing holds."""

from collections.abc import Iterable
from typing import Any

from django.template import Context, Library
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from studio.templatetags.ui import draw

register = Library()

SELECTED = mark_safe(" selected")


@register.simple_block_tag(takes_context=True)
def list_toolbar(context: Context, content: str, listing: Any, search: str) -> SafeString:
    """Search box (`search` is its label), the filters between the tags, and what is shown of how many."""
    return draw(context, "ui/list_toolbar.html", content=content, listing=listing, search=search)


@register.inclusion_tag("ui/list_filter.html")
def list_filter(listing: Any, name: str, label: str, choices: Iterable[tuple[str, str]]) -> dict[str, Any]:
    """A filter chip: a select whose first choice is "any"."""
    chosen = listing.filters.get(name, "")
    # Joined here and not in the template, which takes ten times as long over hundreds of names.
    options = format_html_join(
        "",
        '<option value="{}"{}>{}</option>',
        ((value, SELECTED if str(value) == chosen else "", text) for value, text in choices),
    )
    return {"listing": listing, "name": name, "label": label, "options": options, "chosen": chosen}


@register.simple_block_tag(takes_context=True)
def list_rows(context: Context, content: str, listing: Any, poll: str = "", seconds: float = 2) -> SafeString:
    """The table and its pages: the part that search, sort, page and polling swap, so it is the body of a
    partial called `rows`. `poll` is the part's own address while something is changing, else empty; the
    list's query goes with it."""
    if poll and listing.query:
        poll = f"{poll}?{listing.query.urlencode()}"
    return draw(context, "ui/list_rows.html", content=content, listing=listing, poll=poll, seconds=seconds)


@register.inclusion_tag("ui/list_header.html")
def list_header(listing: Any, name: str, label: str, numeric: bool = False) -> dict[str, Any]:
    """A column's head that sorts by it: ascending, then descending."""
    current = listing.sort.removeprefix("-") == name
    descending = current and listing.sort.startswith("-")
    target = name if not current or descending else f"-{name}"
    return {
        "label": label,
        "numeric": numeric,
        "current": current,
        "descending": descending,
        "target": listing.target,
        "href": listing.url(sort=target if target != listing.default_sort else None, page=None),
    }


@register.simple_tag
def select_all() -> SafeString:
    return format_html(
        '<th scope="col" class="col-select"><input type="checkbox" class="form-check-input" data-select-all'
        ' aria-label="{}"></th>',
        _("Select all rows on this page"),
    )


@register.simple_tag
def select_row(value: Any, name: str) -> SafeString:
    """The row's check box; commands with `needs` send it as `selected`."""
    return format_html(
        '<td class="col-select"><input type="checkbox" class="form-check-input" name="selected" value="{}"'
        ' form="selection" autocomplete="off" aria-label="{}"></td>',
        value,
        _("Select %(name)s") % {"name": name},
    )


@register.simple_tag
def page_links(listing: Any) -> list[dict[str, Any]]:
    """Previous, the numbers with gaps, next."""
    page = listing.page

    def step(title: str, icon: str, possible: bool, number: int) -> dict[str, Any]:
        return {"icon": icon, "title": title, "href": listing.url(page=number) if possible else ""}

    numbers = [
        {"label": n, "current": n == page.number, "href": listing.url(page=n) if isinstance(n, int) else ""}
        for n in page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    ]
    return [
        step(_("Previous page"), "chevron-left", page.has_previous(), page.number - 1),
        *numbers,
        step(_("Next page"), "chevron-right", page.has_next(), page.number + 1),
    ]
