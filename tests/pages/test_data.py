import json
from pathlib import Path
from urllib.parse import quote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test.client import encode_multipart
from django.urls import reverse

from studio.models import DataAsset, DataAssetVersion
from tests import factories
from tests.pages.sending import sent

pytestmark = pytest.mark.django_db
INDEX = reverse("data:index")
NEW = reverse("data:new")


def csv(name="a.csv", text="x,city\n1,Ulm\n2,Bonn\n"):
    return SimpleUploadedFile(name, text.encode())


def upload(client, *files, **answers):
    answers = {"name": "patients", "type": "uri_folder", "source": "upload", **answers}
    return client.post(NEW, {**answers, "files": list(files)})


def registered(client, store, path, **answers):
    answers = {
        "name": "patients",
        "type": "uri_folder",
        "source": "datastore",
        "datastore": store.pk,
        **answers,
    }
    return client.post(NEW, {**answers, "path": path})


def test_index_of_a_fresh_studio_says_what_to_do_first(signed_in):
    page = signed_in.get(INDEX).content.decode()
    assert "No data assets yet" in page
    assert f'href="{NEW}"' in page


def test_index_shows_name_version_files_and_size(signed_in, store):
    factories.data_asset(store, {"a.csv": "x\n1\n", "b.csv": "x\n1\n"}, name="patients", description="Weekly")
    page = signed_in.get(INDEX).content.decode()
    for shown in ("patients", "Weekly", "Folder (uri_folder)", "8 bytes"):
        assert shown in page


def test_index_search_narrows_to_a_fragment(signed_in, store, htmx):
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="patients")
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="houses")
    part = signed_in.get(INDEX, {"search": "pat"}, headers=htmx)
    assert "patients" in part.content.decode()
    assert "houses" not in part.content.decode()
    assert "<html" not in part.content.decode()
    assert "HX-Request" in part["Vary"]


def test_index_asks_as_many_queries_for_many_rows_as_for_one(signed_in, store, queries):
    factories.data_asset(store, {"a.csv": "x\n1\n"}, created_by=factories.user())
    signed_in.get(INDEX)
    with queries() as for_one:
        signed_in.get(INDEX)
    for _ in range(5):
        factories.data_asset(store, {"a.csv": "x\n1\n"}, created_by=factories.user())
    with queries() as for_many:
        signed_in.get(INDEX)
    assert len(for_many) == len(for_one)


PAGES = [reverse(f"data:{part}", args=["patients"]) for part in ("detail", "explore", "versions", "jobs")]
HELPERS = [reverse("data:browse"), reverse("data:check_name")]


@pytest.mark.parametrize("address", [INDEX, NEW, *PAGES, *HELPERS, reverse("data:edit", args=["patients"])])
def test_every_page_of_data_asks_to_sign_in(client, db, address):
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("address", [INDEX, *PAGES, reverse("data:check_name")])
def test_pages_that_only_show_take_no_post(signed_in, address):
    assert signed_in.post(address).status_code == 405


def test_an_asset_may_be_called_as_a_page_is(signed_in, store):
    page = signed_in.get(upload(signed_in, csv("a.csv"), name="new")["Location"])
    assert page.context["asset"].name == "new"
    assert "form" in signed_in.get(NEW).context


def test_no_asset_can_hide_the_page_that_creates(signed_in, store):
    assert upload(signed_in, csv(), name="-").status_code == 422


def test_new_takes_no_put(signed_in):
    assert signed_in.put(reverse("data:browse")).status_code == 405
    assert signed_in.put(NEW).status_code == 405


def test_new_opens_with_the_default_datastore(signed_in, store):
    page = signed_in.get(NEW).content.decode()
    assert "Create data asset" in page
    assert store.name in page


def test_new_uploads_several_files_as_a_folder(signed_in, store, person):
    response = upload(signed_in, csv("a.csv"), csv("b.csv"), description="Weekly")
    version = DataAssetVersion.objects.get()
    assert response["Location"] == reverse("data:detail", args=["patients"])
    assert (version.asset.type, version.files, version.created_by) == ("uri_folder", 2, person)
    stored = Path(store.options["root"], version.path)
    assert sorted(file.name for file in stored.iterdir()) == ["a.csv", "b.csv"]
    assert (stored / "a.csv").read_text() == "x,city\n1,Ulm\n2,Bonn\n"


def test_new_under_a_name_that_exists_makes_the_next_version(signed_in, store):
    upload(signed_in, csv())
    upload(signed_in, csv())
    assert list(DataAssetVersion.objects.values_list("version", flat=True)) == [2, 1]


def test_new_version_begins_with_name_and_type_of_the_asset(signed_in, store):
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="patients")
    form = signed_in.get(NEW, {"name": "patients"}).context["form"]
    assert (form["name"].value(), form["type"].value()) == ("patients", "uri_folder")


def test_new_registers_a_path_of_a_datastore(signed_in, store):
    folder = Path(store.options["root"], "visits")
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("x\n1\n")
    registered(signed_in, store, "visits")
    version = DataAssetVersion.objects.get()
    assert (version.path, version.files, version.size) == ("visits", 1, 4)


@pytest.mark.parametrize(
    ("answers", "files", "sentence"),
    [
        ({"name": "no spaces"}, [csv], "Use letters, digits"),
        ({"name": ""}, [csv], "This field is required."),
        ({}, [], "Choose at least one file."),
        ({"type": "uri_file"}, [lambda: csv("a.csv"), lambda: csv("b.csv")], "takes one file"),
        ({}, [lambda: csv("a.csv"), lambda: csv("a.csv")], "Two of the files have the same name."),
        ({}, [lambda: csv("a.csv", "")], "The submitted file is empty."),
    ],
)
def test_new_refuses_a_wrong_upload_with_a_sentence(signed_in, store, answers, files, sentence):
    response = upload(signed_in, *(make() for make in files), **answers)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not DataAsset.objects.exists()
    assert not any(file.is_file() for file in Path(store.options["root"]).rglob("*"))


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("../etc", "leaves its datastore"),
        ("/etc/passwd", "leaves its datastore"),
        ("nothing/here", "There is no file at “nothing/here”"),
        ("", "Give the path of a file or folder."),
    ],
)
def test_new_refuses_a_wrong_path_with_a_sentence(signed_in, store, path, sentence):
    response = registered(signed_in, store, path)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not DataAsset.objects.exists()


def test_new_refuses_the_other_type_for_a_name_that_exists(signed_in, store):
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="patients")
    response = upload(signed_in, csv(), type="uri_file")
    assert response.status_code == 422
    assert "exists and is of the other type" in response.content.decode()


# ---- Filters


@pytest.mark.parametrize(("query", "shown"), [({"type": "uri_file"}, "one"), ({"by": "grace"}, "two")])
def test_index_filters_by_type_and_person(signed_in, store, query, shown):
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="one")
    DataAsset.objects.update(type="uri_file")
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="two", created_by=factories.user("grace"))
    page = signed_in.get(INDEX, query).context["listing"]
    assert [asset.name for asset in page.rows] == [shown]


@pytest.mark.parametrize(
    "query", [{"type": "x"}, {"sort": "nothing"}, {"page": "99"}, {"size": "-1"}, {"by": "’"}]
)
def test_index_takes_any_address(signed_in, store, query):
    factories.data_asset(store, {"a.csv": "x\n1\n"})
    assert signed_in.get(INDEX, query).status_code == 200


# ---- Create: names, folders, paths


def test_check_name_says_which_version_it_makes(signed_in, store):
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="patients")
    address = reverse("data:check_name")
    assert "This makes version 2 of patients" in signed_in.get(address, {"name": "patients"}).text
    assert "This makes" not in signed_in.get(address, {"name": "others"}).text


def test_new_keeps_the_folders_of_what_is_uploaded(signed_in, store):
    named = sent(signed_in, ("visits/2026/a.csv", b"x\n1\n"), ("visits/2027/a.csv", b"x\n2\n"))
    upload(signed_in, sent=named)
    version = DataAssetVersion.objects.get()
    stored = Path(store.options["root"], version.path)
    assert sorted(file.relative_to(stored).as_posix() for file in stored.rglob("*.csv")) == [
        "2026/a.csv",
        "2027/a.csv",
    ]


@pytest.mark.parametrize(
    "path",
    [
        "../../../a.csv",
        "/etc/a.csv",
        "a\\..\\..\\b.csv",
        "\ud800.csv",
        "․․/․․/a.csv",
        "x\0/../../a.csv",
        "~/a.csv",
    ],
)
def test_new_takes_no_path_that_leaves_the_asset(signed_in, store, path):
    (one,) = json.loads(sent(signed_in, ("a.csv", b"x\n1\n")))
    upload(signed_in, sent=json.dumps([{**one, "path": path}]))
    root = Path(store.options["root"])
    written = [file for file in root.parent.rglob("*") if file.is_file()]
    assert len(written) == 1
    assert written[0].is_relative_to(root / "uploads")


@pytest.mark.parametrize("named", ["{", "[1]", "1", '["a.csv"]', '[{"path": "a.csv"}]', "[" * 100_000])
def test_new_refuses_a_list_of_files_that_is_none(signed_in, store, named):
    response = upload(signed_in, sent=named)
    assert response.status_code == 422
    assert "list of files cannot be read" in response.text


def test_new_refuses_a_file_where_the_type_is_folder(signed_in, store):
    root = Path(store.options["root"])
    root.mkdir()
    (root / "a.csv").write_text("x\n1\n")
    response = registered(signed_in, store, "a.csv")
    assert response.status_code == 422
    assert "This is a file." in response.text


def test_new_refuses_files_that_jobs_leave_out(signed_in, store):
    response = upload(signed_in, csv("_a.csv"))
    assert response.status_code == 422
    assert "jobs leave those out" in response.text
    assert not any(file.is_file() for file in Path(store.options["root"]).rglob("*"))


def test_new_says_that_the_disk_is_full(signed_in, tmp_path):
    factories.datastore("/dev/full")
    response = upload(signed_in, csv())
    assert response.status_code == 422
    assert "cannot be stored" in response.text
    assert not DataAsset.objects.exists()


def test_new_begins_with_a_path_that_was_chosen(signed_in, store):
    query = {"name": "patients", "source": "datastore", "datastore": store.pk, "path": "visits/2026"}
    form = signed_in.get(NEW, query).context["form"]
    assert (form["path"].value(), form["source"].value(), form["name"].value()) == (
        "visits/2026",
        "datastore",
        "patients",
    )


def test_browse_gives_each_entry_a_way_back_to_the_form(signed_in, store):
    factories.data_asset(store, {"a b.csv": "x\n1\n"})
    path = DataAssetVersion.objects.get().path
    page = signed_in.get(
        reverse("data:browse"), {"path": path, "name": "patients", "csrfmiddlewaretoken": "x"}, follow=True
    )
    assert (
        f"name=patients&amp;source=datastore&amp;datastore={store.pk}&amp;path={quote(path + '/a b.csv', safe='')}"
        in page.text
    )
    assert "Use this folder" in page.text
    assert "csrfmiddlewaretoken=" not in page.text


@pytest.mark.parametrize("path", ["../..", "/etc", "nothing", "a\\b", "%2e%2e/x", "․․/x"])
def test_browse_of_a_path_that_is_not_there_says_so(signed_in, store, path, htmx):
    Path(store.options["root"]).mkdir()
    part = signed_in.get(reverse("data:browse"), {"path": path}, headers=htmx)
    assert part.status_code == 200
    assert "Begin at the top" in part.text
    assert "<html" not in part.text


def test_browse_without_a_datastore_says_what_to_do(signed_in):
    response = signed_in.get(reverse("data:browse"))
    assert response.status_code == 404
    assert "There is no datastore yet." in response.text


@pytest.mark.parametrize("length", [1_000_000, -20])
def test_new_that_is_cut_off_keeps_nothing(signed_in, store, length):
    answers = {
        "name": "patients",
        "type": "uri_file",
        "source": "upload",
        "files": csv(text="x\n" * 1_000_000),
    }
    whole = encode_multipart("frontier", answers)
    sent = signed_in.post(NEW, whole[:length], content_type="multipart/form-data; boundary=frontier")
    assert sent.status_code == 400
    assert not DataAsset.objects.exists()
    assert [path for path in Path(store.options["root"]).rglob("*") if path.is_file()] == []
