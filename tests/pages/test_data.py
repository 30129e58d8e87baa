from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from studio.models import DataAsset, DataAssetVersion
from tests import factories

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


@pytest.mark.parametrize("address", [INDEX, NEW, reverse("data:detail", args=["patients"])])
def test_every_page_of_data_asks_to_sign_in(client, db, address):
    response = client.get(address)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("address", [INDEX, reverse("data:detail", args=["patients"])])
def test_pages_that_only_show_take_no_post(signed_in, address):
    assert signed_in.post(address).status_code == 405


def test_an_asset_may_be_called_as_a_page_is(signed_in, store):
    page = signed_in.get(upload(signed_in, csv("a.csv"), name="new")["Location"])
    assert page.context["asset"].name == "new"
    assert "form" in signed_in.get(NEW).context


def test_no_asset_can_hide_the_page_that_creates(signed_in, store):
    assert upload(signed_in, csv(), name="-").status_code == 422


def test_new_takes_no_put(signed_in):
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


def test_detail_shows_location_files_and_first_rows_with_types(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x,city\n1,Ulm\n", "b.csv": "x,city\n2,Bonn\n"})
    page = signed_in.get(reverse("data:detail", args=[version.asset.name])).content.decode()
    for shown in (version.path, "a.csv", "b.csv", "First rows of a.csv", "<small>long</small>", "Ulm"):
        assert shown in page
    assert "Bonn" not in page


def test_detail_shows_the_rows_of_the_file_that_is_chosen(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x,city\n1,Ulm\n", "b.csv": "x,city\n2,Bonn\n"})
    page = signed_in.get(
        reverse("data:detail", args=[version.asset.name]), {"file": "b.csv"}
    ).content.decode()
    assert "First rows of b.csv" in page
    assert "Bonn" in page


def test_detail_of_an_older_version_shows_its_files(signed_in, store):
    upload(signed_in, csv("old.csv"))
    upload(signed_in, csv("new.csv"))
    address = reverse("data:detail", args=["patients"])
    assert "new.csv" in signed_in.get(address).content.decode()
    page = signed_in.get(address, {"version": "1"}).content.decode()
    assert "old.csv" in page
    assert "new.csv" not in page


@pytest.mark.parametrize("query", [{"version": "9"}, {"version": "x"}, {"file": "../../etc/passwd"}])
def test_detail_of_what_is_not_there_is_not_found(signed_in, store, query):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    assert signed_in.get(reverse("data:detail", args=[version.asset.name]), query).status_code == 404


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
def test_detail_says_why_a_file_cannot_be_shown(signed_in, store, files, sentence):
    version = factories.data_asset(store, files)
    response = signed_in.get(reverse("data:detail", args=[version.asset.name]))
    assert response.status_code == 200
    assert sentence in response.content.decode()


def test_detail_says_when_the_files_have_gone(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    Path(store.options["root"], version.path, "a.csv").unlink()
    page = signed_in.get(reverse("data:detail", args=[version.asset.name])).content.decode()
    assert "This folder holds no file." in page


def test_detail_offers_a_job_only_where_an_endpoint_is(signed_in, store):
    version = factories.data_asset(store, {"a.csv": "x\n1\n"})
    address = reverse("data:detail", args=[version.asset.name])
    assert "Create job" not in signed_in.get(address).content.decode()
    factories.endpoint()
    assert "Create job" in signed_in.get(address).content.decode()
