from django.template import RequestContext, Template
from django.test import RequestFactory

from studio.pages.listing import Listing


def listing(rf: RequestFactory, address: str, rows: int = 312) -> Listing:
    made = Listing.of(
        rf.get(address),
        name="jobs",
        sorts={"name": "name", "rows": "rows"},
        default="-name",
        filters=("status",),
    )
    return made.show([f"job {place}" for place in range(rows)])


def test_every_list_state_is_in_the_address(rf: RequestFactory) -> None:
    shown = listing(rf, "/jobs/?search=+sun+&status=Failed&sort=-rows&size=50&page=3")
    assert (shown.search, shown.filters, shown.sort, shown.size) == ("sun", {"status": "Failed"}, "-rows", 50)
    assert shown.rows[0] == "job 100"


def test_a_made_up_state_falls_back(rf: RequestFactory) -> None:
    shown = listing(rf, "/jobs/?sort=password&size=99999&page=x")
    assert (shown.sort, shown.size, shown.rows[0]) == ("-name", 25, "job 0")


def test_a_link_keeps_the_rest_of_the_state(rf: RequestFactory) -> None:
    shown = listing(rf, "/jobs/?search=sun&page=2")
    assert shown.url(page=None, sort="rows") == "/jobs/?search=sun&sort=rows"
    assert shown.url(page=3) == "/jobs/?search=sun&page=3"


def test_nothing_at_all_differs_from_nothing_that_matches(rf: RequestFactory) -> None:
    assert listing(rf, "/jobs/", rows=0).is_empty
    assert not listing(rf, "/jobs/?search=x", rows=0).is_empty


def test_a_head_sorts_up_then_down(rf: RequestFactory) -> None:
    def head(address: str) -> str:
        request = rf.get(address)
        context = RequestContext(request, {"listing": listing(rf, address)})
        return Template('{% list_header listing "rows" "Rows" %}').render(context)

    assert 'href="/jobs/?sort=rows"' in head("/jobs/")
    assert 'aria-sort="ascending"' in head("/jobs/?sort=rows")
    assert 'href="/jobs/?sort=-rows"' in head("/jobs/?sort=rows")


def test_a_polled_list_asks_for_the_state_it_shows(rf: RequestFactory) -> None:
    address = "/jobs/?search=sun&sort=rows"
    context = RequestContext(rf.get(address), {"listing": listing(rf, address)})
    drawn = Template('{% list_rows listing poll="/jobs/rows/" %}x{% endlist_rows %}').render(context)
    assert 'hx-get="/jobs/rows/?search=sun&amp;sort=rows"' in drawn
