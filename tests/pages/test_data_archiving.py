"""Data assets that are archived, and restored."""

import pytest
from django.test import Client
from django.urls import reverse

from studio.models import DataAsset, Datastore, Event, Job
from tests import factories
from tests.pages.job_drafts import at, wizard
from tests.pages.test_data import csv, upload

pytestmark = pytest.mark.django_db
INDEX = reverse("data:index")


@pytest.fixture
def asset(store: Datastore) -> DataAsset:
    return factories.data_asset(store, {"a.csv": "x\n1\n"}, name="patients").asset


def archive(client: Client, asset: DataAsset) -> DataAsset:
    answer = client.post(reverse("data:archive", args=[asset.name]))
    assert answer.status_code == 302
    return DataAsset.objects.get(pk=asset.pk)


def test_archiving_hides_it_from_the_list_which_says_so(signed_in: Client, asset: DataAsset) -> None:
    assert archive(signed_in, asset).is_archived
    page = signed_in.get(INDEX).text
    assert reverse("data:detail", args=["patients"]) not in page
    assert "1 archived data asset is left out" in page
    assert reverse("data:detail", args=["patients"]) in signed_in.get(INDEX, {"archived": "yes"}).text


def test_restoring_lists_it_again(signed_in: Client, asset: DataAsset) -> None:
    assert not archive(signed_in, archive(signed_in, asset)).is_archived
    assert reverse("data:detail", args=["patients"]) in signed_in.get(INDEX).text
    acts = Event.objects.filter(subject="patients", action__startswith="data.").order_by("pk")
    assert list(acts.values_list("action", flat=True)) == ["data.archive", "data.restore"]


def test_the_wizard_does_not_offer_an_archived_one(signed_in: Client, asset: DataAsset) -> None:
    archive(signed_in, asset)
    deployment = factories.deployment()
    other = factories.data_asset(Datastore.objects.get(), {"a.csv": "x\n1\n"}, name="visits")
    page = signed_in.get(at(wizard(signed_in, deployment, until="input"), "input")).text
    assert other.asset.name in page
    assert page.count("patients") == 1  # what the page says has just been done


def test_a_job_that_read_it_still_says_so(signed_in: Client, asset: DataAsset) -> None:
    version = asset.versions.get()
    job = factories.job(Job.Status.COMPLETED, input_asset=version, input_label=str(version))
    archive(signed_in, asset)
    page = signed_in.get(reverse("jobs:detail", args=[job.name])).text
    assert f"{reverse('data:detail', args=['patients'])}?version=1" in page
    assert signed_in.get(reverse("data:detail", args=["patients"])).status_code == 200


def test_an_archived_name_takes_no_new_version(signed_in: Client, asset: DataAsset) -> None:
    archive(signed_in, asset)
    answer = upload(signed_in, csv("new.csv"))
    assert answer.status_code == 422
    assert "is archived. Restore it" in answer.content.decode()
    assert asset.versions.count() == 1
    page = signed_in.get(reverse("data:detail", args=["patients"])).text
    assert "“patients” is archived. Restore it on its page, or choose another name." in page
    assert reverse("data:new") not in page


def test_the_dialog_asks_first(signed_in: Client, asset: DataAsset) -> None:
    page = signed_in.get(reverse("data:archive", args=["patients"])).text
    assert "Archive patients?" in page
    assert not DataAsset.objects.get().is_archived
