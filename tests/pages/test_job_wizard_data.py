"""The step *Select data source*: search, browse, columns to pass through, what is said of size and time."""

from pathlib import Path

import pytest
from django.urls import reverse

from studio.forms.job_input import DATASETS_SHOWN
from studio.models import DataAsset, Datastore, Job
from tests import factories
from tests.pages.job_drafts import GOOD, at, wizard

pytestmark = pytest.mark.django_db
KEYS = {"a.csv": "age,x,city,id\n" + "".join(f"1,2,Ulm,{n:03}\n" for n in range(4))}


@pytest.fixture
def draft(signed_in, used):
    return wizard(signed_in, used, until="input")


def check_url(draft):
    return reverse("jobs:check_input", args=[draft.key])


def browse_url(draft):
    return reverse("jobs:browse_input", args=[draft.key])


def chosen(version, **more):
    return {"source": "dataset", "dataset": version.asset.pk, "asset_version": version.pk, **more}


def kept(draft):
    draft.refresh_from_db()
    return draft.step("input")


# ---- search


def test_the_newest_data_assets_are_shown_with_what_they_hold(signed_in, draft, store, person):
    factories.data_asset(store, GOOD, name="patients", created_by=person)
    page = signed_in.get(at(draft, "input")).content.decode()
    for shown in ("patients", "Folder · 1 file · 21 bytes", "registered by ada"):
        assert shown in " ".join(page.split())


def test_a_search_narrows_them_and_keeps_the_chosen_one(signed_in, draft, store):
    one, other = (factories.data_asset(store, GOOD, name=name) for name in ("houses", "patients"))
    asked = chosen(one, search="pat", searched="")
    part = signed_in.get(check_url(draft), asked)
    assert [asset.name for asset in part.context["form"].datasets] == ["houses", "patients"]
    page = part.content.decode()
    assert 'id="dataset-choices" aria-live="polite" hx-swap-oob="true"' in page
    assert 'name="search"' not in page  # the box itself keeps its cursor
    assert other.asset.name in page


def test_the_list_is_left_alone_while_the_search_is_the_same(signed_in, draft, store):
    version = factories.data_asset(store, GOOD)
    page = signed_in.get(check_url(draft), chosen(version, search="d", searched="d")).content.decode()
    assert "dataset-choices" not in page


def test_a_search_without_javascript_is_in_the_address(signed_in, draft, store):
    for name in ("houses", "patients"):
        factories.data_asset(store, GOOD, name=name)
    page = signed_in.get(at(draft, "input"), {"search": "pat"})
    assert [asset.name for asset in page.context["form"].datasets] == ["patients"]
    page = signed_in.get(at(draft, "input"), {"search": "<none>"}).content.decode()
    assert "No data asset matches “&lt;none&gt;”." in page


def test_more_than_are_shown_are_said_to_be_there(signed_in, draft, store):
    for _ in range(DATASETS_SHOWN + 3):
        factories.data_asset(store, GOOD)
    page = signed_in.get(at(draft, "input")).content.decode()
    assert "The newest 6 of 9 are shown." in page


def test_the_step_asks_as_many_queries_for_many_data_assets_as_for_one(signed_in, draft, store, queries):
    version = factories.data_asset(store, GOOD)
    signed_in.get(check_url(draft), chosen(version))
    with queries() as for_one:
        signed_in.get(check_url(draft), chosen(version))
    for _ in range(20):
        factories.data_asset(store, GOOD)
    with queries() as for_many:
        signed_in.get(check_url(draft), chosen(version))
    assert len(for_many) == len(for_one)


@pytest.mark.parametrize("name", ["a.b-c_d", "x" * 250])
def test_odd_names_of_columns_and_files_do_not_break_the_step(signed_in, draft, store, name):
    header = 'x,age,"<b>&""é","שלום"'
    version = factories.data_asset(store, {"<i>'\"😀.csv": f"{header}\n1,2,3,4\n"}, name=name)
    page = signed_in.get(check_url(draft), chosen(version)).content.decode()
    assert "&lt;b&gt;&amp;&quot;é" in page
    assert "<b>&" not in page
    assert "<i>'" not in page


def test_a_data_asset_deleted_meanwhile_is_refused_with_a_sentence(signed_in, draft, store):
    version = factories.data_asset(store, GOOD)
    answers = chosen(version)
    DataAsset.objects.all().delete()
    response = signed_in.post(at(draft, "input"), answers)
    assert response.status_code == 422
    assert "no longer there. Choose another one." in str(response.context["form"].errors)


# ---- without JavaScript


def test_the_first_rows_are_shown_before_anything_is_kept(signed_in, draft, store):
    version = factories.data_asset(store, KEYS)
    response = signed_in.post(
        at(draft, "input"), {"source": "dataset", "dataset": version.asset.pk, "look": "1"}
    )
    assert response.status_code == 200
    page = response.content.decode()
    assert "extra, ignored" in page
    assert '<input type="checkbox" class="form-check-input" name="pass_through" value="id"' in page
    assert kept(draft) == {}


# ---- columns to pass through


def test_a_column_that_tells_rows_apart_is_suggested(signed_in, draft, store):
    part = signed_in.get(check_url(draft), chosen(factories.data_asset(store, KEYS)))
    assert part.context["suggestion"] == "id"
    page = " ".join(part.content.decode().split())
    assert "<code>id</code> is different in every one of the 4 rows looked at" in page


def test_a_suggestion_that_is_taken_is_ticked_and_no_longer_made(signed_in, draft, store):
    asked = chosen(factories.data_asset(store, KEYS), columns_shown="1", suggested="id", pass_through="city")
    part = signed_in.get(check_url(draft), asked)
    assert [column.name for column in part.context["choices"] if column.is_ticked] == ["city", "id"]
    assert part.context["suggestion"] == ""


@pytest.mark.parametrize(
    "rows",
    [
        "1,2,Ulm,1\n3,4,Ulm,1\n5,6,Ulm,2\n",  # not unique
        "1,2,Ulm,1\n3,4,Ulm,\n5,6,Ulm,2\n",  # with a gap
        "1,2,Ulm,1.5\n3,4,Ulm,2.5\n5,6,Ulm,3.5\n",  # a measurement
        "1,2,Ulm,1\n",  # too little to say
    ],
)
def test_no_other_column_is_suggested(signed_in, draft, store, rows):
    version = factories.data_asset(store, {"a.csv": f"age,x,city,id\n{rows}"})
    assert signed_in.get(check_url(draft), chosen(version)).context["suggestion"] == ""


def test_the_columns_that_are_ticked_are_the_jobs(signed_in, draft, store):
    version = factories.data_asset(store, KEYS)
    answers = chosen(version, columns_shown="1", pass_through=["id", "city"])
    assert signed_in.post(at(draft, "input"), answers).status_code == 302
    assert kept(draft)["pass_through"] == ["id", "city"]
    signed_in.post(at(draft, "output"), {})
    assert "id, city" in signed_in.get(at(draft, "review")).content.decode()
    signed_in.post(at(draft, "review"))
    job = Job.objects.get()
    assert (job.settings["pass_through"], job.setting_origins["pass_through"]) == (["id", "city"], "job")


def test_those_of_the_deployment_stand_until_others_are_ticked(signed_in, used, store):
    used.settings["pass_through"] = ["id"]
    used.save()
    draft, version = wizard(signed_in, used, until="input"), factories.data_asset(store, KEYS)
    part = signed_in.get(check_url(draft), chosen(version))
    assert [column.name for column in part.context["choices"] if column.is_ticked] == ["id"]
    signed_in.post(at(draft, "input"), chosen(version))
    assert kept(draft)["pass_through"] == ["id"]
    signed_in.post(at(draft, "input"), chosen(version, columns_shown="1"))
    assert kept(draft)["pass_through"] == []
    assert signed_in.get(at(draft, "input")).context["form"].passed == []


def test_a_column_that_the_input_lacks_blocks_with_its_name(signed_in, used, store):
    used.settings["pass_through"] = ["PatientID"]
    used.save()
    draft, version = wizard(signed_in, used, until="input"), factories.data_asset(store, KEYS)
    response = signed_in.post(at(draft, "input"), chosen(version))
    assert response.status_code == 422
    page = response.content.decode()
    assert "The column PatientID, to be passed through, is not in this input. Leave it out" in page
    assert "not in this input</span>" in page
    answers = chosen(version, columns_shown="1")
    assert signed_in.post(at(draft, "input"), answers).status_code == 302


def test_settings_that_were_made_before_there_were_passed_columns_still_work(signed_in, used, store):
    del used.settings["pass_through"]
    used.save()
    draft, version = wizard(signed_in, used, until="input"), factories.data_asset(store, GOOD)
    signed_in.post(at(draft, "input"), chosen(version))
    signed_in.post(at(draft, "output"), {})
    signed_in.post(at(draft, "review"))
    assert set(Job.objects.get().setting_origins.values()) == {"default"}


# ---- size and time


def test_rows_and_time_are_estimated(signed_in, draft, used, store):
    version = factories.data_asset(store, KEYS)
    page = " ".join(signed_in.get(check_url(draft), chosen(version)).content.decode().split())
    assert "1 file · 62 bytes · 4 rows · 1 mini-batch · first rows of a.csv" in page
    job = factories.job(Job.Status.COMPLETED, deployment=used)
    Job.objects.filter(pk=job.pk).update(
        started_at="2026-01-01T00:00:00Z",
        finished_at="2026-01-01T00:00:40Z",
        bytes_total=62,
        minibatches_total=1,
        summary={"seconds": {"predict": 1.0}},
    )
    page = " ".join(signed_in.get(check_url(draft), chosen(version)).content.decode().split())
    assert "about 40 s, from the last run of this deployment" in page


# ---- browse


def test_browse_shows_folders_first_and_leads_back_with_the_path(signed_in, draft, store, htmx):
    root = Path(store.options["root"])
    for path in ("b.csv", "a #1/c.csv", ".hidden/x.csv", "_parts/y.csv"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("x\n1\n")
    part = signed_in.get(browse_url(draft), headers=htmx)
    page = part.content.decode()
    assert page.index("a #1") < page.index("b.csv")
    assert ".hidden" not in page
    assert "_parts" not in page
    assert "<html" not in page
    address = f"{at(draft, 'input')}?source=datastore&amp;datastore={store.pk}&amp;path=a%20%231"
    assert f'href="{address}"' in page
    form = signed_in.get(address.replace("&amp;", "&")).context["form"]
    assert (form["source"].value(), form["path"].value()) == ("datastore", "a #1")
    inside = signed_in.get(browse_url(draft), {"datastore": store.pk, "path": "a #1"}).content.decode()
    assert "Use this folder" in inside
    assert "<html" in inside


def test_browse_of_a_file_shows_the_folder_that_holds_it(signed_in, draft, store):
    version = factories.data_asset(store, GOOD)
    page = signed_in.get(browse_url(draft), {"path": f"{version.path}/a.csv"})
    assert page.context["folder"].path == version.path


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("../outside", "leaves its datastore"),
        ("/etc", "leaves its datastore"),
        ("a/../..", "leaves its datastore"),
        ("nowhere", "The folder “nowhere” of the datastore"),
    ],
)
def test_browse_outside_or_nowhere_says_so(signed_in, draft, store, path, sentence):
    Path(store.options["root"]).mkdir(parents=True)
    response = signed_in.get(browse_url(draft), {"path": path})
    assert response.status_code == 200
    assert sentence in response.content.decode()


@pytest.mark.parametrize(("path", "way_on"), [("nowhere", "Begin at the top"), ("", "Try again")])
def test_what_cannot_be_read_leads_to_where_it_can_be(signed_in, draft, store, path, way_on):
    """What is typed is posted; the datastore's folder is not there."""
    assert way_on in signed_in.post(browse_url(draft), {"path": path}).text


def test_browse_offers_no_link_that_leads_away(signed_in, draft, store, tmp_path):
    root = Path(store.options["root"])
    root.mkdir(parents=True)
    (root / "away").symlink_to(tmp_path)
    page = signed_in.get(browse_url(draft))
    assert [entry.is_usable for entry in page.context["folder"].entries] == [False]
    assert "path=away" not in page.content.decode()


def test_browse_pages_through_many(signed_in, draft, store):
    root = Path(store.options["root"])
    root.mkdir(parents=True)
    for number in range(150):
        (root / f"{number:03}.csv").touch()
    first = signed_in.get(browse_url(draft)).context["folder"]
    assert (len(first.entries), first.page.before, first.page.after) == (100, None, "100")
    second = signed_in.get(browse_url(draft), {"begin": "100"}).context["folder"]
    assert (second.entries[0].name, second.page.before, second.page.after) == ("100.csv", "0", None)
    assert signed_in.get(browse_url(draft), {"begin": "²"}).context["folder"].first == 1
    some = signed_in.get(browse_url(draft), {"prefix": "14", "datastore": store.pk})
    assert [entry.name for entry in some.context["folder"].entries] == [
        f"14{number}.csv" for number in range(10)
    ]
    assert f'<input type="hidden" name="datastore" value="{store.pk}">' in some.text


def test_browse_chooses_among_datastores(signed_in, draft, store, tmp_path):
    (tmp_path / "other").mkdir()
    other = factories.datastore(tmp_path / "other", is_default=False)
    (tmp_path / "other" / "z.csv").touch()
    page = signed_in.get(browse_url(draft), {"datastore": other.pk})
    assert [entry.name for entry in page.context["folder"].entries] == ["z.csv"]
    assert page.context["store"] == other
    assert signed_in.get(browse_url(draft), {"datastore": "nonsense"}).context["store"] == store


def test_browse_is_for_the_drafts_owner_alone(client, draft):
    client.force_login(factories.user())
    assert client.get(browse_url(draft)).status_code == 404


def test_browse_takes_no_other_methods(signed_in, draft):
    assert signed_in.put(browse_url(draft)).status_code == 405


# ---- what was deleted meanwhile


def test_a_deployment_that_was_deleted_leads_to_the_settings(signed_in, draft, used):
    other = factories.deployment(endpoint=used.endpoint, is_default=False)
    used.delete()
    response = signed_in.get(at(draft, "input"), follow=True)
    assert response.redirect_chain[0][0] == at(draft, "settings")
    page = response.content.decode()
    assert "The deployment of this draft was deleted. Choose another one." in page
    assert response.context["form"]["deployment"].value() == other.pk
    assert signed_in.get(check_url(draft)).status_code == 404


def test_an_endpoint_that_was_deleted_leads_to_the_endpoints(signed_in, draft, used):
    used.endpoint.deployments.all().delete()
    used.endpoint.delete()
    response = signed_in.get(at(draft, "input"), follow=True)
    assert response.redirect_chain[0][0] == reverse("endpoints:index")
    assert "The endpoint of this draft was deleted." in response.content.decode()


def test_an_endpoint_without_a_ready_deployment_says_so(signed_in, draft, used):
    used.status = "Failed"
    used.save()
    page = signed_in.get(at(draft, "settings")).content.decode()
    assert "This endpoint has no deployment that has succeeded." in page
    assert 'aria-disabled="true"' in page


def test_data_that_was_deleted_leads_to_the_data_source(signed_in, used, store):
    version = factories.data_asset(store, GOOD)
    draft = wizard(signed_in, used, source="dataset", dataset=version.asset.pk)
    DataAsset.objects.all().delete()
    for response in (
        signed_in.get(at(draft, "review"), follow=True),
        signed_in.post(at(draft, "review"), follow=True),
    ):
        assert response.redirect_chain[0][0] == at(draft, "input")
        assert "The data that this draft would read is no longer registered." in response.content.decode()
    assert not Job.objects.exists()


def test_an_output_datastore_that_was_unregistered_leads_to_the_output(signed_in, used, store, tmp_path):
    version = factories.data_asset(store, GOOD)
    other = factories.datastore(tmp_path / "other", is_default=False)
    draft = wizard(signed_in, used, until="output", source="dataset", dataset=version.asset.pk)
    signed_in.post(at(draft, "output"), {"enable": "on", "output_datastore": other.pk, "output_path": "out"})
    Datastore.objects.filter(pk=other.pk).delete()
    response = signed_in.post(at(draft, "review"), follow=True)
    assert response.redirect_chain[0][0] == at(draft, "output")
    assert "The datastore of this draft’s output was unregistered." in response.content.decode()
    assert not Job.objects.exists()
