"""Public https addresses in the pages: as data assets and as the input of a job. What may be a key in them is never
shown again."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from studio.actions.addresses import find_address, forget_addresses, keep_address
from studio.models import DataAsset, DataAssetVersion, Datastore, Draft, Event, Job
from studio.sealing import unseal
from tests import factories
from tests.pages.job_drafts import at, begin, settings_of, wizard
from tests.stores.https_server import Server, zipped

pytestmark = pytest.mark.django_db
NEW = reverse("data:new")
CHECK = reverse("data:check_address")
ROWS = b"age,x,city\n" + b"".join(b"%d,2.5,Ulm\n" % number for number in range(300))
KEY = "sig=a-key-that-no-page-shows"


@pytest.fixture(autouse=True)
def home(tmp_path: Any, settings: Any) -> None:
    settings.STUDIO_HOME = tmp_path / "home"


@pytest.fixture
def visits(web: Server) -> str:
    return web.put("/team/visits.csv", ROWS) + f"?{KEY}"


def create(client: Client, address: str, **answers: Any) -> Any:
    given = {"name": "visits", "type": "uri_file", "source": "address", "address": address}
    return client.post(NEW, {**given, **answers})


def test_an_address_is_registered_as_a_file(
    signed_in: Client, store: Datastore, web: Server, visits: str
) -> None:
    assert create(signed_in, visits).status_code == 302
    version = DataAssetVersion.objects.get()
    assert (version.size, version.files, version.path) == (len(ROWS), 1, "visits.csv")
    assert version.location == f"https://localhost:{web.port}/team/visits.csv?…"
    assert unseal(version.datastore.secrets) == {"query": KEY}
    assert Event.objects.get(action="data.register").subject == "visits:1"


def test_pages_of_an_asset_read_its_address_and_show_no_key(
    signed_in: Client, store: Datastore, visits: str
) -> None:
    create(signed_in, visits)
    seen = {
        part: signed_in.get(reverse(f"data:{part}", args=["visits"])).text
        for part in ("detail", "explore", "versions", "jobs", "delete", "edit")
    }
    for part, page in seen.items():
        assert "a-key" not in page, part
    for part in ("detail", "versions", "delete"):
        assert "/team/visits.csv?…" in seen[part]
    assert "over all 300 rows" in seen["explore"]
    assert "city" in seen["explore"]


def test_an_address_is_no_datastore_that_anybody_sees(
    signed_in: Client, store: Datastore, visits: str
) -> None:
    create(signed_in, visits)
    name = Datastore.objects.addresses().get().name
    assert name not in signed_in.get(reverse("datastores:index")).text
    assert name not in signed_in.get(reverse("data:browse")).text
    for part in ("detail", "browse", "download", "upload", "access", "unregister", "set_default"):
        assert signed_in.get(reverse(f"datastores:{part}", args=[name])).status_code == 404, part
    assert 'value="address"' not in signed_in.get(reverse("datastores:new")).text


def test_the_same_address_is_kept_once(signed_in: Client, store: Datastore, visits: str) -> None:
    for name in ("one", "two"):
        create(signed_in, visits, name=name)
    create(signed_in, visits.replace("a-key", "another-key"), name="three")
    assert DataAsset.objects.count() == 3
    assert Datastore.objects.addresses().count() == 2


@pytest.mark.parametrize(
    ("path", "page", "said"),
    [
        ("/x.csv", {"status": 404}, "There is nothing at"),
        ("/x.csv", {"status": 403}, "does not let the studio in (403)"),
        ("/x.csv", {"type": "text/html"}, "looks like a web page"),
        (
            "/x.csv",
            {"status": 302, "headers": {"Location": "https://127.0.0.1/x.csv"}},
            "is not a public host",
        ),
    ],
)
def test_each_failure_has_its_sentence_at_the_field(
    signed_in: Client, store: Datastore, web: Server, path: str, page: dict[str, Any], said: str
) -> None:
    address = web.put(path, b"a\n1\n", **page) + f"?{KEY}"
    answer = create(signed_in, address)
    assert answer.status_code == 422
    assert said in answer.context["form"].errors["address"][0]
    assert "a-key" not in answer.text
    assert 'x.csv?…"' in answer.text
    assert not DataAsset.objects.exists()
    assert not Datastore.objects.addresses().exists()
    tried = signed_in.post(CHECK, {"address": address})
    assert said in tried.text.replace("&amp;", "&")
    assert "a-key" not in tried.text


@pytest.mark.parametrize(
    ("address", "answers", "said"),
    [
        ("http://example.com/x.csv", {}, "begins with “https://”"),
        ("https://ada:pw@example.com/x.csv", {}, "user or password"),
        ("https://[::ffff:127.0.0.1]/x.csv", {}, "is not a public host"),
        ("https://2130706433/x.csv", {}, "is not a public host"),
        ("", {}, "Give the address of a file."),
        ("https://example.com/" + "x" * 5000, {}, "at most 4000 characters"),
    ],
)
def test_wrong_addresses_are_refused(
    signed_in: Client, store: Datastore, address: str, answers: dict[str, Any], said: str
) -> None:
    answer = create(signed_in, address, **answers)
    assert answer.status_code == 422
    assert said in answer.context["form"].errors["address"][0]
    assert "ada:pw" not in answer.text


def test_an_address_is_no_folder(signed_in: Client, store: Datastore, visits: str) -> None:
    answer = create(signed_in, visits, type="uri_folder")
    assert "An address gives one file" in answer.text


def test_a_hidden_query_is_asked_for_again(signed_in: Client, store: Datastore, visits: str) -> None:
    answer = create(signed_in, visits, name="no name!")
    shown = answer.context["form"]["address"].as_widget()
    assert "visits.csv?…" in shown
    again = create(signed_in, f"{visits.partition('?')[0]}?…")
    assert "is not shown again" in again.context["form"].errors["address"][0]


@pytest.mark.parametrize(
    ("path", "page", "name"),
    [
        ("/visits.parquet", {}, "visits.parquet"),
        ("/export/42", {"type": "text/csv; charset=utf-8"}, "42.csv"),
        (
            "/export",
            {"headers": {"Content-Disposition": 'attachment; filename="../a/visits.csv"'}},
            "avisits.csv",
        ),
        ("/", {"type": "application/x-ndjson"}, "data.jsonl"),
        ("/_hidden.csv", {}, "hidden.csv"),
        ("/v%20%C3%A9%2F..%2Fx.csv", {}, "v é..x.csv"),
        ("/visits.csv", {"headers": {"Content-Encoding": "gzip"}}, "visits.csv.gz"),
        ("/visits.csv.gz", {"headers": {"Content-Encoding": "gzip"}}, "visits.csv.gz"),
    ],
)
def test_the_file_has_a_name_by_which_it_can_be_read(
    web: Server, path: str, page: dict[str, Any], name: str
) -> None:
    assert find_address(web.put(path, b"x", **page)).file == name


def test_what_is_packed_on_its_way_is_read_as_what_it_is(
    signed_in: Client, store: Datastore, web: Server
) -> None:
    create(signed_in, web.put("/visits.csv", zipped(ROWS.decode()), headers={"Content-Encoding": "gzip"}))
    assert "over all 300 rows" in signed_in.get(reverse("data:explore", args=["visits"])).text


def test_a_test_says_what_is_there(signed_in: Client, web: Server, visits: str, htmx: dict[str, str]) -> None:
    part = signed_in.post(CHECK, {"address": visits}, headers=htmx).text
    assert "<html" not in part
    for shown in ("The studio can read", "visits.csv?…", "visits.csv", "text/csv", "206", "in parts"):
        assert shown in part
    web.put("/team/visits.csv", ROWS, takes_ranges=False, etag="", has_length=False)
    part = signed_in.post(CHECK, {"address": visits}).text
    assert "not said before it is fetched" in part
    assert "gives no parts" in part
    assert signed_in.get(CHECK).status_code == 405
    assert not Datastore.objects.addresses().exists()


def test_browsing_takes_no_address_along(signed_in: Client, store: Datastore, visits: str) -> None:
    """Without JavaScript the whole form is sent there."""
    typed = {"name": "visits", "address": visits, "datastore": store.pk, "path": "a"}
    answer = signed_in.post(reverse("data:browse"), typed)
    assert answer["Location"] == f"{reverse('data:browse')}?name=visits&datastore={store.pk}&path=a"


# ---- In the job wizard


def typed(address: str, **more: Any) -> dict[str, Any]:
    return {"source": "datastore", "path": address, **more}


def job_draft(client: Client, used: Any) -> Draft:
    draft = begin(client, used)
    client.post(at(draft, "settings"), settings_of(used))
    return draft


def test_the_first_rows_of_an_address_are_held_against_the_model(
    signed_in: Client, used: Any, visits: str
) -> None:
    draft = job_draft(signed_in, used)
    part = signed_in.post(reverse("jobs:check_input", args=[draft.key]), typed(visits))
    assert part.context["check"].problem == ""
    assert part.context["check"].files == 1
    assert "first rows of visits.csv" in part.text
    assert "a-key" not in part.text
    assert not Datastore.objects.addresses().exists()


def test_an_address_that_is_not_read_blocks_with_its_sentence(
    signed_in: Client, used: Any, web: Server
) -> None:
    draft = job_draft(signed_in, used)
    for address, said in (
        (web.url("/none.csv"), "There is nothing at"),
        ("https://169.254.169.254/latest/", "is not a public host"),
        ("http://example.com/x.csv", "Only https addresses are read"),
    ):
        part = signed_in.post(reverse("jobs:check_input", args=[draft.key]), typed(address))
        assert said in part.context["form"].problem
        answer = signed_in.post(at(draft, "input"), typed(address))
        assert answer.status_code == 422
        assert said in answer.text


def test_a_job_reads_an_address_and_shows_no_key(
    signed_in: Client, used: Any, store: Datastore, visits: str
) -> None:
    draft = wizard(signed_in, used, **typed(visits))
    draft.refresh_from_db()
    assert "a-key" not in str(draft.answers)
    kept = Datastore.objects.addresses().get()
    assert draft.step("input")["address"] == kept.pk
    review = signed_in.get(at(draft, "review")).text
    assert "/team/visits.csv?…" in review
    assert signed_in.post(at(draft, "review")).status_code == 302
    job = Job.objects.get()
    assert (job.input_datastore, job.input_path) == (kept, "visits.csv")
    assert job.input_label == kept.location
    pages = [
        at(draft, "input"),
        *(reverse(f"jobs:{page}", args=[job.name]) for page in ("detail", "record", "definition", "delete")),
        reverse("jobs:index"),
    ]
    for page in pages:
        shown = signed_in.get(page, follow=True).text
        assert "a-key" not in shown
        assert kept.name not in shown
    assert kept.location in signed_in.get(reverse("jobs:detail", args=[job.name])).text
    assert f"path: {kept.location}" in signed_in.get(reverse("jobs:definition", args=[job.name])).text


def test_a_step_that_was_answered_keeps_its_address(
    signed_in: Client, used: Any, store: Datastore, visits: str
) -> None:
    draft = wizard(signed_in, used, **typed(visits))
    shown = signed_in.get(at(draft, "input")).context["form"]["path"].value()
    assert shown.endswith("/team/visits.csv?…")
    part = signed_in.post(reverse("jobs:check_input", args=[draft.key]), typed(shown))
    assert part.context["check"].problem == ""
    assert signed_in.post(at(draft, "input"), typed(shown)).status_code == 302
    draft.refresh_from_db()
    assert draft.step("input")["address"] == Datastore.objects.addresses().get().pk
    assert signed_in.post(at(draft, "input"), typed("data", datastore=store.pk)).status_code == 422
    refused = signed_in.post(at(draft, "input"), typed(shown.replace("visits", "others")))
    assert "is not shown again" in refused.text


def test_without_javascript_the_address_is_looked_at_and_not_shown(
    signed_in: Client, used: Any, visits: str
) -> None:
    draft = job_draft(signed_in, used)
    page = signed_in.post(at(draft, "input"), typed(visits, look="1"))
    assert page.status_code == 200
    assert "first rows of visits.csv" in page.text
    assert "a-key" not in page.text


def test_a_job_is_resubmitted_with_its_address(
    signed_in: Client, used: Any, store: Datastore, visits: str
) -> None:
    draft = wizard(signed_in, used, **typed(visits))
    signed_in.post(at(draft, "review"))
    answer = signed_in.get(reverse("jobs:resubmit", args=[Job.objects.get().name]), follow=True)
    again = Draft.objects.latest("created_at")
    assert again.step("input")["address"] == Datastore.objects.addresses().get().pk
    assert answer.status_code == 200
    assert signed_in.post(at(again, "review")).status_code == 302
    assert Job.objects.count() == 2


def test_an_address_is_not_taken_for_a_folder_to_browse(
    signed_in: Client, used: Any, store: Datastore, visits: str
) -> None:
    Path(store.options["root"]).mkdir()
    draft = job_draft(signed_in, used)
    page = signed_in.post(reverse("jobs:browse_input", args=[draft.key]), {"path": visits})
    assert page.status_code == 200
    assert "a-key" not in page.text
    assert page.context["folder"].path == ""


def test_predictions_are_not_written_to_an_address(
    signed_in: Client, used: Any, store: Datastore, visits: str, person: Any
) -> None:
    kept = keep_address(user=person, found=find_address(visits).datastore)
    draft = wizard(signed_in, used, until="output", **typed(visits))
    answer = signed_in.post(
        at(draft, "output"), {"enable": "on", "output_datastore": kept.pk, "output_path": "out"}
    )
    assert answer.status_code == 422


# ---- What nobody reads any more


def test_addresses_go_once_nothing_holds_them(person: Any, store: Datastore, web: Server) -> None:
    kept = {
        name: keep_address(user=person, found=find_address(web.put(f"/{name}.csv", b"a\n")).datastore)
        for name in ("asset", "job", "draft", "left", "again", "new")
    }
    asset = DataAsset.objects.create(name="visits", type=DataAsset.Type.FILE)
    asset.versions.create(version=1, datastore=kept["asset"], path="asset.csv", size=1, files=1)
    factories.job(Job.Status.FAILED, datastore=store, input_datastore=kept["job"])
    Draft.objects.create(owner=person, kind="job", answers={"input": {"address": kept["draft"].pk}})
    long_ago = Datastore.objects.addresses().exclude(pk=kept["new"].pk)
    long_ago.update(created_at="2020-01-01T00:00:00Z")
    keep_address(user=person, found=kept["again"])
    forget_addresses()
    left = set(Datastore.objects.addresses().values_list("pk", flat=True))
    assert left == {kept[name].pk for name in ("asset", "job", "draft", "again", "new")}
    assert Datastore.objects.filter(pk=store.pk).exists()
