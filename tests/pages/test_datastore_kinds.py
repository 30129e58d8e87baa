"""What must hold for every kind of datastore: one place for it in each layer, and credentials that stay hidden."""

import pytest
from django.test import Client
from django.urls import reverse
from django.views.debug import SafeExceptionReporterFilter

from studio.forms.datastore_kinds import FORMS
from studio.models import Datastore
from studio.models.datastore_kinds import LAYOUTS
from studio.sealing import seal
from studio.stores import STORES
from tests import factories

pytestmark = pytest.mark.django_db
INDEX, NEW = reverse("datastores:index"), reverse("datastores:new")
KINDS = sorted(set(Datastore.Kind.values) - {Datastore.Kind.ADDRESS})  # those that are registered


def test_every_kind_has_its_place_in_each_table() -> None:
    assert set(FORMS) == set(KINDS)
    assert set(STORES) == set(LAYOUTS) == set(Datastore.Kind.values)


@pytest.mark.parametrize("kind", KINDS)
def test_new_shows_the_form_of_the_chosen_kind_alone(signed_in: Client, kind: str) -> None:
    page = signed_in.get(NEW, {"kind": kind, "name": "visits", "description": "Every Monday"})
    shown = {name for name in page.context["form"].fields if f'name="{name}"' in page.text}
    assert shown == set(FORMS[kind].base_fields)
    for other in set(KINDS) - {kind}:
        hidden = set(FORMS[other].base_fields) - shown
        assert not [name for name in hidden if f'name="{name}"' in page.text]
        assert f'href="{NEW}?kind={other}"' in page.text
    assert 'value="visits"' in page.text
    assert "Every Monday" in page.text


@pytest.mark.parametrize("act", ["get", "post"])
def test_new_of_no_kind_says_so(signed_in: Client, act: str) -> None:
    response = getattr(signed_in, act)(NEW, {"kind": "tape", "name": "visits"})
    assert response.status_code == 404
    assert "There is no type of datastore “tape”." in response.text


@pytest.mark.parametrize("part", ["new", "credentials"])
@pytest.mark.parametrize("kind", KINDS)
def test_no_field_is_in_an_error_report(signed_in: Client, kind: str, part: str) -> None:
    store = factories.datastore("/data", name="visits", kind=kind)
    given = {name: f"the-{name}" for name in FORMS[kind].credentials.base_fields}
    signed_in.raise_request_exception = False
    address = reverse(f"datastores:{part}", args=[store.name] if part == "credentials" else [])
    request = signed_in.post(address, {"kind": kind, **given}).wsgi_request
    reported = SafeExceptionReporterFilter().get_post_parameters(request)
    assert set(reported) == {"kind", *given}
    assert not {kind, *given.values()} & set(reported.values())


def test_a_location_is_searched_and_sorted_by_as_it_is_shown(signed_in: Client) -> None:
    factories.datastore("/data/b", name="local")
    options = {"bucket": "clinic", "folder": "visits"}
    bucket = factories.datastore("", name="bucket", kind="s3", options=options, is_default=False)
    found = signed_in.get(INDEX, {"search": bucket.location}).context["listing"].rows
    assert [one.name for one in found] == ["bucket"]
    for sort, expected in (("location", ["local", "bucket"]), ("-location", ["bucket", "local"])):
        rows = signed_in.get(INDEX, {"sort": sort}).context["listing"].rows
        assert [one.name for one in rows] == expected


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {Datastore.Kind.LOCAL}))
def test_detail_names_what_is_chosen_and_no_secret(signed_in: Client, kind: str) -> None:
    form = FORMS[kind]
    options = {name: f"chosen-{name}" for name in form.shown}
    secrets = {name: f"the-{name}" for name in form.credentials.base_fields}
    store = factories.datastore("", name="visits", kind=kind, options=options, secrets=seal(secrets))
    page = signed_in.get(reverse("datastores:detail", args=[store.name])).text
    assert all(value in page for value in options.values())
    assert not [value for value in secrets.values() if value in page]
    Datastore.objects.update(options={})
    page = signed_in.get(reverse("datastores:detail", args=[store.name])).text
    assert all(str(none) in page for none in form.shown.values())
