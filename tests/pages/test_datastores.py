import os
import shutil
from html import escape
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from studio.models import Datastore, Event
from tests import factories
from tests.pages.sending import sent

pytestmark = pytest.mark.django_db
INDEX = reverse("datastores:index")
NEW = reverse("datastores:new")
PARTS = [
    "detail",
    "browse",
    "download",
    "picture",
    "upload",
    "new_folder",
    "access",
    "credentials",
    "set_default",
    "unregister",
]
Htmx = dict[str, str]


def page_of(store: Datastore | str, part: str = "detail", **query: str) -> str:
    address = reverse(f"datastores:{part}", args=[str(store)])
    return f"{address}?{urlencode(query)}" if query else address


@pytest.fixture
def filled(store: Datastore) -> Datastore:
    """The default datastore with some files."""
    files = {"visits/a.csv": "x,city\n1,Ulm\n", "visits/_old.csv": "x\n1\n", "notes.txt": "Every Monday"}
    for path, text in files.items():
        file = Path(store.location, path)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return store


# ---- Index and detail


def test_index_of_none_says_what_to_do_first(signed_in: Client) -> None:
    page = signed_in.get(INDEX).text
    assert "No datastores yet" in page
    assert f'href="{NEW}"' in page


def test_index_shows_name_default_location_and_data_assets(signed_in: Client, store: Datastore) -> None:
    factories.data_asset(store, {"a.csv": "x\n1\n"})
    page = signed_in.get(INDEX)
    for shown in (store.name, "Default", "Local folder", store.location):
        assert shown in page.text
    assert page.context["listing"].rows[0].asset_count == 1


def test_index_search_narrows_to_a_fragment(signed_in: Client, store: Datastore, htmx: Htmx) -> None:
    factories.datastore("/data/other", name="other", is_default=False)
    part = signed_in.get(INDEX, {"search": "/data/oth"}, headers=htmx).text
    assert "other" in part
    assert store.name not in part
    assert "<html" not in part


def test_index_asks_as_many_queries_for_many_rows_as_for_one(
    signed_in: Client, store: Datastore, queries
) -> None:
    signed_in.get(INDEX)
    with queries() as for_one:
        signed_in.get(INDEX)
    for number in range(5):
        one = factories.datastore(f"/data/{number}", is_default=False, created_by=factories.user())
        factories.data_asset(store, {"a.csv": "x\n"})
        assert one.pk
    with queries() as for_many:
        signed_in.get(INDEX, {"sort": "-assets"})
    assert len(for_many) == len(for_one)


def test_detail_shows_its_folder_and_what_lies_in_it(signed_in: Client, store: Datastore) -> None:
    factories.data_asset(store, {"a.csv": "x\n1\n"}, name="patients")
    page = signed_in.get(page_of(store)).text
    assert store.location in page
    assert "patients" in page


@pytest.mark.parametrize("part", PARTS)
def test_pages_of_one_that_is_gone_say_so(signed_in: Client, part: str) -> None:
    response = signed_in.get(page_of("gone", part))
    assert response.status_code == 404
    assert "There is no datastore “gone”" in response.text


@pytest.mark.parametrize("address", [INDEX, NEW, *(page_of("any", part) for part in PARTS)])
def test_every_page_of_datastores_asks_to_sign_in(client: Client, db: None, address: str) -> None:
    assert client.get(address)["Location"].startswith(reverse("login"))


@pytest.mark.parametrize("part", ["detail", "browse", "download"])
def test_pages_that_only_show_take_no_post(signed_in: Client, store: Datastore, part: str) -> None:
    assert signed_in.post(page_of(store, part)).status_code == 405


@pytest.mark.parametrize("part", ["upload", "new_folder", "access", "set_default", "unregister"])
def test_acts_are_dialogs_for_htmx(signed_in: Client, store: Datastore, htmx: Htmx, part: str) -> None:
    dialog = signed_in.get(page_of(store, part), headers=htmx)
    assert dialog.status_code == 200
    assert "dialog-card" in dialog.text
    assert "<html" not in dialog.text
    assert signed_in.put(page_of(store, part)).status_code == 405


@pytest.mark.parametrize("verb", ["access", "set_default", "unregister"])
def test_commands_above_the_list_take_the_selected_row(
    signed_in: Client, store: Datastore, verb: str
) -> None:
    address = reverse(f"datastores:{verb}_selected")
    assert store.name in signed_in.get(address, {"selected": store.name}).text
    assert signed_in.get(address).status_code == 404


# ---- Create


def created(client: Client, folder: Path | str, **answers: str):
    known = {"name": "visits_2026", "description": "", "kind": "local", "root": str(folder)}
    return client.post(NEW, known | answers)


def test_new_opens(signed_in: Client) -> None:
    assert "Every node must see the same" in signed_in.get(NEW).text


def test_new_registers_a_folder_that_is_there(signed_in: Client, person, tmp_path: Path) -> None:
    response = created(signed_in, tmp_path, description="Share")
    assert response["Location"] == page_of("visits_2026")
    made = Datastore.objects.get()
    assert (made.location, made.description, made.created_by, made.is_default) == (
        str(tmp_path),
        "Share",
        person,
        False,
    )
    assert os.listdir(tmp_path) == []
    assert Event.objects.get().action == "datastore.create"


def test_new_makes_the_last_part_of_the_folder(signed_in: Client, tmp_path: Path) -> None:
    created(signed_in, tmp_path / "visits")
    assert (tmp_path / "visits").is_dir()


@pytest.mark.parametrize(
    ("folder", "sentence"),
    [
        ("visits", "Give the whole path"),
        ("~/visits", "Give the whole path"),
        ("/", "belongs to the operating system"),
        ("/etc", "belongs to the operating system"),
        ("/etc/ssl/../passwd", "belongs to the operating system"),
        ("/proc/self/cwd/..", "more than data"),
        ("/nowhere/at/all", "There is no folder “/nowhere/at”"),
        ("/dev/shm", "belongs to the operating system"),
    ],
)
def test_new_refuses_a_folder_that_is_no_place_for_data(
    signed_in: Client, folder: str, sentence: str
) -> None:
    response = created(signed_in, folder)
    assert response.status_code == 422
    assert sentence in response.text
    assert not Datastore.objects.exists()


def test_new_refuses_the_folders_of_the_studio(signed_in: Client, settings, tmp_path: Path) -> None:
    settings.STUDIO_HOME = tmp_path / "home"
    for folder in ("postgres", "datastore"):
        (tmp_path / "home" / folder).mkdir(parents=True)
    assert "belongs to the studio itself" in created(signed_in, tmp_path / "home" / "postgres").text
    assert "more than data" in created(signed_in, tmp_path).text
    assert "belongs to the studio itself" in created(signed_in, Path(settings.BASE_DIR) / "studio").text
    assert created(signed_in, tmp_path / "home" / "datastore").status_code == 302


def test_new_refuses_a_link_to_such_a_folder(signed_in: Client, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    assert "belongs to the operating system" in created(signed_in, tmp_path / "link").text


@pytest.mark.parametrize("where", ["", "inside", ".."])
def test_new_refuses_folders_that_lie_in_each_other(signed_in: Client, store: Datastore, where: str) -> None:
    Path(store.location, "inside").mkdir(parents=True)
    response = created(signed_in, Path(store.location, where))
    assert response.status_code == 422
    assert "lie in each other" in response.text


@pytest.mark.parametrize("name", ["Visits", "visits 2026", "visits-2026", "", "ⅷ", "<b>"])
def test_new_refuses_a_name_with_a_sentence(signed_in: Client, tmp_path: Path, name: str) -> None:
    response = created(signed_in, tmp_path / "made", name=name)
    assert response.status_code == 422
    assert not (tmp_path / "made").exists()


def test_new_refuses_a_name_that_is_taken_and_leaves_no_folder(
    signed_in: Client, store: Datastore, tmp_path: Path
) -> None:
    response = created(signed_in, tmp_path / "made", name=store.name)
    assert response.status_code == 422
    assert "There is a datastore" in response.text
    assert not (tmp_path / "made").exists()


# ---- Browse


def test_browse_shows_folders_before_files_and_marks_what_jobs_leave_out(
    signed_in: Client, filled: Datastore
) -> None:
    page = signed_in.get(page_of(filled, "browse")).text
    assert page.index(">visits<") < page.index(">notes.txt<")
    inside = signed_in.get(page_of(filled, "browse", path="visits")).text
    assert "left out by jobs" in inside


def test_browse_is_a_fragment_for_htmx(signed_in: Client, filled: Datastore, htmx: Htmx) -> None:
    part = signed_in.get(page_of(filled, "browse", path="visits"), headers=htmx)
    assert "a.csv" in part.text
    assert "<html" not in part.text


def test_browse_shows_the_first_rows_of_a_table(signed_in: Client, filled: Datastore) -> None:
    page = signed_in.get(page_of(filled, "browse", path="visits/a.csv")).text
    for shown in ("Ulm", "<small>long</small>", "The first row."):
        assert shown in page
    assert page_of(filled, "download") in page


def test_browse_shows_text_and_says_what_is_neither(signed_in: Client, filled: Datastore) -> None:
    assert "Every Monday" in signed_in.get(page_of(filled, "browse", path="notes.txt")).text
    Path(filled.location, "model.bin").write_bytes(b"\xff\xd8\0\0")
    assert "neither a table nor text" in signed_in.get(page_of(filled, "browse", path="model.bin")).text


def test_browse_pages_through_many_files(signed_in: Client, store: Datastore) -> None:
    Path(store.location).mkdir()
    for number in range(101):
        Path(store.location, f"{number:03}.csv").touch()
    assert "1–100 of 101" in signed_in.get(page_of(store, "browse")).text
    assert "100.csv" in signed_in.get(page_of(store, "browse", begin="100")).text
    assert "000.csv" in signed_in.get(page_of(store, "browse", begin="99999")).text


def test_browse_shows_only_names_that_begin_so(signed_in: Client, store: Datastore) -> None:
    folder = Path(store.location, "many")
    folder.mkdir(parents=True)
    for number in range(203):
        (folder / f"a{number:03}.csv").touch()
    (folder / "b.csv").touch()
    assert 'name="prefix"' in signed_in.get(page_of(store, "browse", path="many")).text
    page = signed_in.get(page_of(store, "browse", path="many", prefix="a")).text
    assert "1–100 of 203" in page
    assert 'name="prefix" value="a"' in page
    assert "path=many&amp;begin=100&amp;prefix=a" in page
    found = signed_in.get(page_of(store, "browse", path="many", prefix="a20")).text
    assert [name for name in ("a199.csv", "a200.csv", "a202.csv", "b.csv") if name in found] == [
        "a200.csv",
        "a202.csv",
    ]
    assert 'name="prefix"' not in signed_in.get(page_of(store, "browse")).text  # a page has all of it


@pytest.mark.parametrize("prefix", ["x", "a/b", "..", "x" * 300, "É", "<b>"])
def test_browse_says_that_no_name_begins_so(signed_in: Client, filled: Datastore, prefix: str) -> None:
    page = signed_in.get(page_of(filled, "browse", path="visits", prefix=prefix)).text
    assert f"has a name that begins with “{escape(prefix)}”" in page
    assert f'href="{page_of(filled, "browse", path="visits")}"' in page


@pytest.mark.parametrize("begin", ["-1", "x", "9" * 30, "9" * 5000])
def test_browse_takes_any_number(signed_in: Client, filled: Datastore, begin: str) -> None:
    assert "notes.txt" in signed_in.get(page_of(filled, "browse", begin=begin)).text


@pytest.mark.parametrize(
    "name", ['quo"te.csv', "<script>x.csv", "emoji 🎉.csv", "שלום.csv", "a&b=c?d#e.csv", "x" * 250]
)
def test_browse_takes_any_name(signed_in: Client, store: Datastore, name: str) -> None:
    Path(store.location).mkdir()
    Path(store.location, name).write_text("x\n1\n")
    page = signed_in.get(page_of(store, "browse")).text
    assert f"path={quote(name, safe='')}" in page
    assert "<script>x" not in page
    assert signed_in.get(page_of(store, "browse", path=name)).status_code == 200
    answer = signed_in.get(page_of(store, "download", path=name))
    assert b"".join(answer.streaming_content) == b"x\n1\n"


def test_browse_lives_with_names_that_no_address_can_hold(signed_in: Client, store: Datastore) -> None:
    Path(store.location).mkdir()
    with open(os.fsencode(store.location) + b"/bad\xff.csv", "w"):
        pass
    Path(store.location, "out").symlink_to("/etc/passwd")
    Path(store.location, "round").symlink_to("round")
    response = signed_in.get(page_of(store, "browse"))
    assert response.status_code == 200
    assert response.text.count("cannot be opened") == 3


def test_browse_says_which_data_assets_are_read_from_here(signed_in: Client, store: Datastore) -> None:
    version = factories.data_asset(store, {"a.csv": "x\n1\n"}, name="patients")
    assert "patients:1" in signed_in.get(page_of(store, "browse", path=version.path)).text


@pytest.mark.parametrize("path", ["../..", "/etc", "gone", "a\\b", "~root", "visits/a.csv/x"])
def test_browse_of_what_is_not_there_says_so(signed_in: Client, filled: Datastore, path: str) -> None:
    response = signed_in.get(page_of(filled, "browse", path=path))
    assert response.status_code == 200
    assert "Begin at the top" in response.text


def test_browse_of_a_folder_that_vanished_says_so(signed_in: Client, filled: Datastore) -> None:
    shutil.rmtree(filled.location)
    assert "it is no longer there" in signed_in.get(page_of(filled, "browse")).text


@pytest.mark.parametrize("path", ["", "visits", "gone.csv", "../store/notes.txt", "/etc/passwd", "out"])
def test_download_gives_files_of_the_datastore_alone(signed_in: Client, filled: Datastore, path: str) -> None:
    Path(filled.location, "out").symlink_to("/etc/passwd")
    response = signed_in.get(page_of(filled, "download", path=path))
    assert response.status_code in (400, 404)
    assert "root:" not in response.text


# ---- Upload, new folder


def uploaded(client: Client, store: Datastore, *files: tuple[str, bytes], folder: str = "", **answers: str):
    sent = [SimpleUploadedFile(name, content) for name, content in files]
    return client.post(page_of(store, "upload", path=folder), {"files": sent, **answers})


def test_upload_puts_files_into_the_folder(signed_in: Client, filled: Datastore) -> None:
    response = uploaded(signed_in, filled, ("b.csv", b"x\n2\n"), folder="visits")
    assert response["Location"] == page_of(filled, "browse", path="visits")
    assert Path(filled.location, "visits/b.csv").read_text() == "x\n2\n"
    assert sorted(os.listdir(Path(filled.location, "visits"))) == ["_old.csv", "a.csv", "b.csv"]


def test_upload_overwrites_only_when_told_to(signed_in: Client, filled: Datastore) -> None:
    refused = uploaded(signed_in, filled, ("a.csv", b"new"), ("b.csv", b"b"), folder="visits")
    assert refused.status_code == 422
    assert "There already: a.csv" in refused.text
    assert "Replace files of the same name" in refused.text
    assert not Path(filled.location, "visits/b.csv").exists()
    uploaded(signed_in, filled, ("a.csv", b"new"), folder="visits", replace="on")
    assert Path(filled.location, "visits/a.csv").read_text() == "new"


def test_upload_keeps_sub_folders_and_stays_inside(signed_in: Client, filled: Datastore) -> None:
    named = sent(signed_in, ("top/one/a.csv", b"1"), ("top/../../two/a.csv", b"2"))
    uploaded(signed_in, filled, sent=named, folder="visits")
    assert Path(filled.location, "visits/one/a.csv").read_text() == "1"
    assert Path(filled.location, "visits/two/a.csv").read_text() == "2"


@pytest.mark.parametrize("folder", ["../out", "/tmp", "a\\b"])
def test_upload_never_leaves_the_datastore(signed_in: Client, filled: Datastore, folder: str) -> None:
    response = uploaded(signed_in, filled, ("stray.csv", b"1"), folder=folder)
    assert response.status_code in (400, 422)
    assert not list(Path(filled.location).parent.rglob("stray.csv"))


def test_upload_of_nothing_says_so(signed_in: Client, filled: Datastore) -> None:
    assert "Choose at least one file." in uploaded(signed_in, filled).text


def test_new_folder_is_made_and_opened(signed_in: Client, filled: Datastore) -> None:
    response = signed_in.post(page_of(filled, "new_folder", path="visits"), {"name": "2026 🎉"})
    assert Path(filled.location, "visits/2026 🎉").is_dir()
    assert response["Location"] == page_of(filled, "browse", path="visits/2026 🎉")


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\\b", "x" * 300, "a.csv"])
def test_new_folder_refuses_a_name_with_a_sentence(signed_in: Client, filled: Datastore, name: str) -> None:
    response = signed_in.post(page_of(filled, "new_folder", path="visits"), {"name": name})
    assert response.status_code == 422
    assert sorted(os.listdir(filled.location)) == ["notes.txt", "visits"]


# ---- Test access, default, unregister


def test_access_shows_the_four_steps_and_leaves_nothing(signed_in: Client, filled: Datastore) -> None:
    assert "Write a probe" not in signed_in.get(page_of(filled, "access")).text
    page = signed_in.post(page_of(filled, "access")).text
    for shown in ("List its files", "Write a probe", "Read it back", "Delete it", "can read and write here"):
        assert shown in page
    assert sorted(os.listdir(filled.location)) == ["notes.txt", "visits"]


def test_access_says_what_failed(signed_in: Client, store: Datastore) -> None:
    page = signed_in.post(page_of(store, "access")).text
    assert f"there is no folder “{store.location}” on this machine" in page
    assert page.count("not tried") == 3
    assert not Path(store.location).exists()


def test_set_default_moves_it(signed_in: Client, store: Datastore, tmp_path: Path) -> None:
    other = factories.datastore(tmp_path, name="other", is_default=False)
    assert f"instead of {store.name}" in signed_in.get(page_of(other, "set_default")).text
    signed_in.post(page_of(other, "set_default"))
    assert Datastore.objects.default() == other


def test_set_default_twice_is_refused_kindly(signed_in: Client, filled: Datastore) -> None:
    response = signed_in.post(page_of(filled, "set_default"))
    assert response.status_code == 403
    assert "default datastore already" in response.text


def test_set_default_refuses_one_that_cannot_be_written(signed_in: Client, store: Datastore) -> None:
    other = factories.datastore("/nowhere", name="other", is_default=False)
    assert "cannot be the default" in signed_in.post(page_of(other, "set_default")).text
    assert Datastore.objects.default() == store


def test_unregister_leaves_the_files(signed_in: Client, store: Datastore, tmp_path: Path) -> None:
    other = factories.datastore(tmp_path / "other", name="other", is_default=False)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.csv").write_text("x")
    job = factories.job("Completed", input_datastore=other, output_datastore=other)
    assert signed_in.post(page_of(other, "unregister"))["Location"] == INDEX
    assert not Datastore.objects.filter(name="other").exists()
    assert (tmp_path / "other" / "a.csv").read_text() == "x"
    job.refresh_from_db()
    assert job.output_datastore is None


def test_unregister_says_why_not(signed_in: Client, store: Datastore, tmp_path: Path) -> None:
    assert "It is the default datastore." in signed_in.get(page_of(store, "unregister")).text
    other = factories.datastore(tmp_path, name="other", is_default=False)
    job = factories.job(output_datastore=other)
    assert f"The job {job.display_name} uses it." in signed_in.get(page_of(other, "unregister")).text
    assert signed_in.post(page_of(other, "unregister")).status_code == 403
    type(job).objects.all().delete()
    factories.data_asset(other, {"a.csv": "x\n"}, name="patients")
    assert "The data asset patients:1 lies in it" in signed_in.get(page_of(other, "unregister")).text
    assert signed_in.post(page_of(other, "unregister")).status_code == 403
    assert Datastore.objects.filter(name="other").exists()
