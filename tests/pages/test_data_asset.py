import shutil
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.urls import reverse

from studio.models import DataAsset, DataAssetVersion, Datastore, Event
from studio.sealing import seal
from tests import factories
from tests.pages.test_data import csv, upload
from tests.stores.s3_server import ACCESS_KEY, SECRET_KEY

pytestmark = pytest.mark.django_db


def page_of(name, part="", **query):
    address = reverse(f"data:{part or 'detail'}", args=[name])
    return f"{address}?{urlencode(query)}" if query else address


def test_detail_shows_where_it_lies_and_its_files(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x,city\n1,Ulm\n", "b.csv": "x,city\n2,Bonn\n"})
    page = signed_in.get(page_of(version.asset.name)).text
    for shown in (version.path, "a.csv", "b.csv", store.name):
        assert shown in page
    assert f"{reverse('datastores:browse', args=[store.name])}?path={quote(version.path, safe='')}" in page


def test_explore_shows_the_first_rows_with_their_types(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x,city\n1,Ulm\n", "b.csv": "x,city\n2,Bonn\n"})
    page = signed_in.get(page_of(version.asset.name, "explore")).text
    for shown in ("First rows of a.csv", "<small>long</small>", "Ulm", "over all 1", "Spread of x"):
        assert shown.replace("over all 1", "over its 1 row") in page
    assert "Bonn" not in page


def test_explore_shows_the_file_that_is_chosen(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x,city\n1,Ulm\n", "b.csv": "x,city\n2,Bonn\n"})
    page = signed_in.get(page_of(version.asset.name, "explore", file="b.csv")).text
    assert "First rows of b.csv" in page
    assert "Bonn" in page


def test_explore_says_over_how_many_rows_it_looked(signed_in, store):
    rows = "".join(f"{number},\n" for number in range(10_001))
    version = factories.data_asset(store, {"a.csv": f"x,y\n{rows}"})
    page = signed_in.get(page_of(version.asset.name, "explore")).text
    assert "over the first 10,000 rows" in page
    assert '10,000 <span class="muted">(100 %)' in page


def test_explore_says_which_rows_do_not_fit_the_header(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x,y\n1,2\n1,2,3\n"})
    assert "1 row has more or fewer fields" in signed_in.get(page_of(version.asset.name, "explore")).text


def test_detail_of_an_older_version_shows_its_files(signed_in, store):
    upload(signed_in, csv("old.csv"))
    upload(signed_in, csv("new.csv"))
    address = reverse("data:detail", args=["patients"])
    assert "new.csv" in signed_in.get(address).content.decode()
    page = signed_in.get(address, {"version": "1"}).content.decode()
    assert "old.csv" in page
    assert "new.csv" not in page


@pytest.mark.parametrize("query", [{"version": "9"}, {"version": "x"}, {"file": "../../etc/passwd"}])
def test_explore_of_what_is_not_there_is_not_found(signed_in, store, query):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    assert signed_in.get(page_of(version.asset.name, "explore", **query)).status_code == 404


def test_detail_of_an_unknown_asset_is_not_found(signed_in):
    assert signed_in.get(reverse("data:detail", args=["nothing"])).status_code == 404


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({"a.txt": "hello"}, "files of type .txt are not supported"),
        ({"a.csv": b"\xff\xfe\x00x"}, "a.csv"),
        ({"a.parquet": "no parquet"}, "cannot be read as Parquet"),
    ],
)
def test_explore_says_why_a_file_cannot_be_shown(signed_in, store, files, sentence):
    version = factories.data_asset(store, files)
    response = signed_in.get(page_of(version.asset.name, "explore"))
    assert response.status_code == 200
    assert sentence in response.content.decode()


@pytest.mark.parametrize("part", ["", "explore"])
def test_pages_say_when_the_files_have_gone(signed_in, store, part):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    Path(store.options["root"], version.path, "a.csv").unlink()
    assert "Its files are no longer there." in signed_in.get(page_of(version.asset.name, part)).text


@pytest.mark.parametrize("part", ["", "explore", "versions", "jobs"])
def test_pages_live_without_their_folder(signed_in, store, part):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    shutil.rmtree(store.options["root"])
    response = signed_in.get(page_of(version.asset.name, part))
    assert response.status_code == 200
    if part in ("", "explore"):
        assert "There is nothing at" in response.text


def test_detail_says_when_the_files_have_changed(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    Path(store.options["root"], version.path, "a.csv").write_text("x\n10\n")
    page = signed_in.get(page_of(version.asset.name)).text
    now = "then 1 file of 4 bytes, now 1 file of 5 bytes. A job reads what is there now."
    assert f"The files have changed since this version was registered: {now}" in page


def take_away(store, monkeypatch):
    """As a bucket that nobody answers for."""
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    options = {
        "bucket": "visits",
        "endpoint": "http://127.0.0.1:1",
        "region": "us-east-1",
        "path_style": True,
    }
    secrets = seal({"access_key": ACCESS_KEY, "secret_key": SECRET_KEY})
    Datastore.objects.filter(pk=store.pk).update(kind="s3", options=options, secrets=secrets)


def test_explore_of_a_storage_that_is_away_blames_no_file(signed_in, store, monkeypatch):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    take_away(store, monkeypatch)
    answer = signed_in.get(page_of(version.asset.name, "explore", file="a.csv"))
    assert answer.status_code == 200
    assert "does not answer" in answer.text
    assert "The files cannot be reached now" in answer.text
    assert "put its files back" not in answer.text


def test_detail_offers_a_job_only_where_an_endpoint_is(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    address = page_of(version.asset.name)
    assert "Create job" not in signed_in.get(address).text
    factories.endpoint()
    assert "Create job" in signed_in.get(address).text


def test_versions_lists_them_with_where_they_lie(signed_in, store):
    upload(signed_in, csv("old.csv"))
    upload(signed_in, csv("new.csv"), csv("more.csv"))
    page = signed_in.get(page_of("patients", "versions")).text
    for version in DataAssetVersion.objects.all():
        assert version.path in page
    assert "latest" in page


def test_jobs_lists_those_that_read_it(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    factories.job(display_name="reads_it", input_asset=version)
    factories.job(display_name="reads_another")
    page = signed_in.get(page_of(version.asset.name, "jobs")).text
    assert "reads_it" in page
    assert "reads_another" not in page


def test_jobs_of_one_version_only(signed_in, store):
    upload(signed_in, csv())
    upload(signed_in, csv())
    for version in DataAssetVersion.objects.all():
        factories.job(display_name=f"reads_{version.version}", input_asset=version)
    both = signed_in.get(page_of("patients", "jobs")).text
    only = signed_in.get(page_of("patients", "jobs", version="1", only="1")).text
    assert "reads_1" in both
    assert "reads_2" in both
    assert "reads_1" in only
    assert "reads_2" not in only


@pytest.mark.parametrize("part", ["", "explore", "versions", "jobs", "edit", "delete"])
def test_pages_of_an_asset_that_is_gone_say_so(signed_in, part):
    response = signed_in.get(page_of("gone", part))
    assert response.status_code == 404
    assert "There is no data asset “gone”" in response.text


@pytest.mark.parametrize("part", ["", "versions", "jobs"])
def test_pages_ask_as_many_queries_for_many_versions_as_for_one(signed_in, store, queries, part):
    upload(signed_in, csv())
    signed_in.get(page_of("patients", part))
    with queries() as for_one:
        signed_in.get(page_of("patients", part))
    for _ in range(4):
        upload(signed_in, csv())
    with queries() as for_many:
        signed_in.get(page_of("patients", part))
    assert len(for_many) == len(for_one)


# ---- Edit


def edited(client, asset, **answers):
    known = {"revision": asset.revision, "base": "{}", "description": "", "tags": ""}
    return client.post(page_of(asset.name, "edit"), known | answers)


def test_edit_keeps_description_and_tags(signed_in, store, person):
    asset = factories.data_asset(store, {"a.csv": "x\n1\n"}).asset
    assert edited(signed_in, asset, description="Weekly", tags="team=clinic")["Location"] == page_of(
        asset.name
    )
    asset.refresh_from_db()
    assert (asset.description, asset.tags) == ("Weekly", {"team": "clinic"})
    assert Event.objects.get(action="data.edit").actor == person
    assert "team: clinic" in signed_in.get(page_of(asset.name)).text


def test_edit_by_two_shows_the_second_what_the_first_saved(signed_in, store):
    asset = factories.data_asset(store, {"a.csv": "x\n1\n"}).asset
    edited(signed_in, asset, description="first")
    response = edited(signed_in, asset, description="second")
    assert response.status_code == 422
    assert "ada changed" in response.text
    asset.refresh_from_db()
    assert asset.description == "first"


def test_edit_is_a_dialog_for_htmx(signed_in, store, htmx):
    asset = factories.data_asset(store, {"a.csv": "x\n1\n"}).asset
    part = signed_in.get(page_of(asset.name, "edit"), headers=htmx)
    assert "<html" not in part.text
    assert "dialog-card" in part.text


def test_edit_refuses_tags_that_are_none(signed_in, store):
    asset = factories.data_asset(store, {"a.csv": "x\n1\n"}).asset
    response = edited(signed_in, asset, tags="no equals sign")
    assert response.status_code == 422
    assert "is not name=value" in response.text


# ---- Delete


def test_delete_says_what_goes_and_what_stays(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    factories.job("Completed", input_asset=version)
    page = signed_in.get(page_of(version.asset.name, "delete")).text
    for said in ("this data asset and its version", version.location, "1 job that read it stays"):
        assert said in page


def test_delete_forgets_the_asset_and_leaves_files_and_jobs(signed_in, store, person):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    job = factories.job("Completed", input_asset=version, input_label="visits:1")
    answer = signed_in.post(page_of(version.asset.name, "delete"))
    assert answer["Location"] == reverse("data:index")
    assert "visits:1" in signed_in.get(reverse("jobs:detail", args=[job.name])).text
    assert not DataAsset.objects.exists()
    assert Path(store.options["root"], version.path, "a.csv").exists()
    event = Event.objects.get(action="data.delete")
    assert (event.actor, event.subject) == (person, version.asset.name)
    assert event.details["versions"] == [f"1: {version.location}"]


def test_delete_is_refused_while_a_job_reads_it(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    factories.job("Running", input_asset=version, display_name="brave_sun")
    sentence = "The job brave_sun reads it. Wait for its end, or cancel it."
    assert sentence in signed_in.get(page_of(version.asset.name, "delete")).text
    assert sentence in signed_in.get(page_of(version.asset.name)).text
    assert signed_in.post(page_of(version.asset.name, "delete")).status_code == 403
    assert DataAsset.objects.exists()


def test_deleting_twice_says_that_it_is_gone(signed_in, store):
    name = factories.data_asset(store, {"a.csv": "x\n1\n"}).asset.name
    signed_in.post(page_of(name, "delete"))
    assert signed_in.post(page_of(name, "delete")).status_code == 404


def test_the_selected_row_is_deleted(signed_in, store):
    name = factories.data_asset(store, {"a.csv": "x\n1\n"}).asset.name
    assert f'value="{name}"' in signed_in.get(reverse("data:index")).text
    address = f"{reverse('data:delete_selected')}?{urlencode({'selected': name})}"
    assert f"Delete {name}?" in signed_in.get(address).text
