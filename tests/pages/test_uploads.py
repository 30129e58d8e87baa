"""Files that are sent ahead of their form, in pieces."""

import json
import os
import resource
import shutil
import socket
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.test import RequestFactory
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import reverse
from django.utils import timezone

from studio import wsgi
from studio.actions import stored_files, uploads
from studio.actions.storing import remove_left_uploads, storing
from studio.actions.uploads import forget_left_uploads
from studio.errors import FieldErrors, StudioError
from studio.models import DataAssetVersion, Role, UnfinishedUpload
from studio.stores import LocalFolder
from tests import factories
from tests.actions.test_archives import entry, tarred, zipped
from tests.pages.sending import begun, piece, sent

NEW = reverse("data:new")
CONTENT = b"x\n" + b"1\n" * 1000


@pytest.fixture(autouse=True)
def arriving(settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "temporary"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()
    return settings.FILE_UPLOAD_TEMP_DIR / "arriving"


def kept(arriving: Path) -> list[Path]:
    return [one for one in arriving.rglob("*") if one.is_file()]


def registered(client, named, **answers):
    given = {"name": "patients", "type": "uri_folder", "source": "upload", "sent": named}
    return client.post(NEW, {**given, **answers})


def stored(version: DataAssetVersion) -> dict[str, bytes]:
    root = Path(version.datastore.options["root"], version.path)
    return {one.relative_to(root).as_posix(): one.read_bytes() for one in root.rglob("*") if one.is_file()}


def test_an_upload_goes_on_where_it_broke_off(signed_in, store, arriving):
    first = begun(signed_in, "a.csv", CONTENT).json()
    assert first["arrived"] == 0
    assert piece(signed_in, first["address"], 0, CONTENT[:700]).json()["arrived"] == 700
    again = begun(signed_in, "a.csv", CONTENT).json()
    assert (again["key"], again["arrived"]) == (first["key"], 700)
    piece(signed_in, again["address"], 700, CONTENT[700:])
    registered(signed_in, json.dumps([{"path": "a.csv", "key": first["key"]}]))
    assert stored(DataAssetVersion.objects.get()) == {"a.csv": CONTENT}
    assert not kept(arriving)


@pytest.mark.parametrize(
    "other",
    [{"path": "b.csv"}, {"modified": 2}, {"content": CONTENT + b"1\n"}, {"content": CONTENT[:-1] + b";"}],
)
def test_another_file_begins_at_its_start(signed_in, store, other):
    first = begun(signed_in, "a.csv", CONTENT).json()
    piece(signed_in, first["address"], 0, CONTENT[:700])
    assert begun(signed_in, **{"path": "a.csv", "content": CONTENT, **other}).json()["arrived"] == 0


def test_nobody_goes_on_with_what_another_person_sends(signed_in, client, store):
    mine = begun(signed_in, "a.csv", CONTENT).json()
    piece(signed_in, mine["address"], 0, CONTENT)
    client.force_login(factories.user())
    assert begun(client, "a.csv", CONTENT).json()["arrived"] == 0
    registered(client, json.dumps([{"path": "a.csv", "key": mine["key"]}]))
    assert not DataAssetVersion.objects.exists()


def test_a_piece_that_does_not_follow_is_not_taken(signed_in, store, arriving):
    found = begun(signed_in, "a.csv", CONTENT).json()
    piece(signed_in, found["address"], 0, CONTENT[:10])
    for start in (0, 9, 11, 5000):
        assert piece(signed_in, found["address"], start, b"xyz").status_code == 409
    assert kept(arriving)[0].read_bytes() == CONTENT[:10]


def test_more_than_the_file_has_is_not_taken(signed_in, store, arriving):
    found = begun(signed_in, "a.csv", CONTENT).json()
    answer = piece(signed_in, found["address"], 0, CONTENT + b"more")
    assert (answer.status_code, "More bytes came" in answer.json()["problem"]) == (422, True)
    assert kept(arriving)[0].stat().st_size <= len(CONTENT)


@pytest.mark.parametrize("key", ["nothing", "0" * 32 + "-5", "..", "%2e%2e%2fx", "0" * 32 + "-5%0a"])
def test_a_piece_of_nothing_is_refused(signed_in, store, arriving, key):
    assert piece(signed_in, f"/uploads/{key}/", 0, b"x").status_code in (404, 422)
    assert not kept(arriving)


@pytest.mark.parametrize("about", [{}, {"name": "a.csv", "size": "-1", "modified": "1"}, {"size": "ten"}])
def test_a_file_of_which_too_little_is_said_is_refused(signed_in, store, about):
    answer = signed_in.post(reverse("uploads:begin"), about)
    assert (answer.status_code, bool(answer.json()["problem"])) == (422, True)


def test_a_file_larger_than_the_disk_is_refused_at_once(signed_in, store):
    about = {"name": "a.csv", "size": 10**15 - 1, "modified": 1}
    answer = signed_in.post(reverse("uploads:begin"), about)
    assert "disk has" in answer.json()["problem"]


def test_a_full_disk_keeps_what_has_arrived(signed_in, store, arriving, monkeypatch):
    found = begun(signed_in, "a.csv", CONTENT).json()
    piece(signed_in, found["address"], 0, CONTENT[:10])

    def full(file, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(uploads, "_write", full)
    answer = piece(signed_in, found["address"], 10, CONTENT[10:])
    assert "the disk is full" in answer.json()["problem"]
    assert kept(arriving)[0].read_bytes() == CONTENT[:10]


def test_a_form_names_only_what_has_arrived_whole(signed_in, store):
    found = begun(signed_in, "a.csv", CONTENT).json()
    piece(signed_in, found["address"], 0, CONTENT[:10])
    answer = registered(signed_in, json.dumps([{"path": "a.csv", "key": found["key"]}]))
    assert (answer.status_code, "Not all files have arrived" in answer.text) == (422, True)
    assert not DataAssetVersion.objects.exists()


def test_a_form_that_is_refused_keeps_its_files(signed_in, store):
    named = sent(signed_in, ("a.csv", CONTENT))
    refused = registered(signed_in, named, name="no name")
    assert refused.status_code == 422
    assert refused.context["form"]["sent"].value() == named
    assert registered(signed_in, named).status_code == 302


def test_folders_and_archives_are_sent_ahead_too(signed_in, store):
    archives = {
        "top/two.zip": zipped({"b.csv": b"x\n2\n"}),
        "top/three.tgz": tarred(entry("c.csv", b"x\n3\n")),
    }
    named = sent(signed_in, ("top/one/a.csv", b"x\n1\n"), *archives.items())
    registered(signed_in, named, unpack="on")
    expected = {"one/a.csv": b"x\n1\n", "b.csv": b"x\n2\n", "c.csv": b"x\n3\n"}
    assert stored(DataAssetVersion.objects.get()) == expected


def test_a_thousand_files_need_no_thousand_open_ones(signed_in, store):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = [(f"top/{number}.csv", b"x\n1\n") for number in range(150)]
    archives = [(f"top/{number}.zip", zipped({f"in-{number}.csv": b"x\n1\n"})) for number in range(150)]
    named = sent(signed_in, *files, *archives)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 100, limits[1]))
    try:
        registered(signed_in, named, unpack="on")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert DataAssetVersion.objects.get().files == 300


def test_what_nobody_goes_on_with_is_removed_after_a_week(signed_in, store, arriving):
    begun(signed_in, "old.csv", CONTENT)
    (old,) = kept(arriving)
    with_its_form = TemporaryUploadedFile("a.csv", "text/csv", 1, None)
    shutil.copy(with_its_form.temporary_file_path(), killed := f"{with_its_form.temporary_file_path()}.csv")
    for left in (old, killed):
        os.utime(left, times=(time.time() - 8 * 24 * 3600,) * 2)
    begun(signed_in, "new.csv", CONTENT)
    forget_left_uploads()
    assert len(kept(arriving)) == 1
    assert not old.exists()
    assert not Path(killed).exists()


@pytest.mark.parametrize("times", [2, 5001])
def test_a_form_names_each_file_once_and_not_too_many(signed_in, store, times):
    (one,) = json.loads(sent(signed_in, ("a.csv", CONTENT)))
    named = [{"path": f"{number}.csv", "key": one["key"]} for number in range(times)]
    if times > 2:
        named = [{**each, "key": f"{number:032x}-1"} for number, each in enumerate(named)]
    answer = registered(signed_in, json.dumps(named))
    assert (answer.status_code, "list of files cannot be read" in answer.text) == (422, True)
    assert not DataAssetVersion.objects.exists()


def test_uploads_leave_room_for_the_database(signed_in, store, monkeypatch):
    found = begun(signed_in, "a.csv", CONTENT).json()
    monkeypatch.setattr(uploads, "RESERVE", 1 << 60)
    for answer in (begun(signed_in, "b.csv", CONTENT), piece(signed_in, found["address"], 0, CONTENT)):
        assert (answer.status_code, "left for uploads" in answer.json()["problem"]) == (422, True)


def large_form(client, address, **headers):
    """The answer, and whether the studio began to read the form."""
    form = encode_multipart(BOUNDARY, {"files": SimpleUploadedFile("a.csv", b"1\n" * (1 << 20))})
    answer = client.generic("POST", address, form, MULTIPART_CONTENT, headers=headers)
    return answer, answer.wsgi_request.environ["wsgi.input"].read_started


@pytest.mark.parametrize("address", ["/account/sign-in/", NEW])
def test_a_stranger_puts_nothing_onto_the_disk(client, db, address):
    answer, is_read = large_form(client, address)
    assert (answer.status_code, "Sign in first" in answer.text, is_read) == (403, True, False)


def test_who_may_not_upload_puts_nothing_onto_the_disk(client, db):
    reader = factories.user(role=Role.READER)
    client.force_login(reader)
    answer, is_read = large_form(client, NEW)
    assert (answer.status_code, "Your role is Reader" in answer.text, is_read) == (403, True, False)
    _token, secret = factories.token(reader, scope="manage")
    address = "/api/data/patients/versions/upload"
    answer, is_read = large_form(client, address, authorization=f"Bearer {secret}")
    said = answer.json()["error"]["message"]
    assert (answer.status_code, "Your role is Reader" in said, is_read) == (403, True, False)


def test_a_large_form_leaves_room_for_the_database(signed_in, store, monkeypatch):
    assert large_form(signed_in, NEW)[1]
    monkeypatch.setattr(uploads, "RESERVE", 1 << 60)
    answer, is_read = large_form(signed_in, NEW)
    assert (answer.status_code, "left for uploads" in answer.text, is_read) == (400, True, False)


def test_a_browser_that_falls_silent_is_not_waited_for_for_ever(db):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        environ = {
            **RequestFactory()._base_environ(),
            "gunicorn.socket": ours,
            "PATH_INFO": "/account/sign-in/",
        }
        list(wsgi.application(environ, lambda status, headers: None))
        assert ours.gettimeout() == wsgi.PATIENCE


# ---- On their way into the datastore


def test_what_a_killed_process_left_is_removed(store):
    root = Path(store.options["root"])
    left = storing(datastore=store, folder="uploads/one")
    left.__enter__().store.write("uploads/one/a.csv", [b"x"])  # and it is never left again
    store.refresh_from_db()
    remove_left_uploads()
    assert (root / "uploads/one/a.csv").exists()  # it may still be at it
    UnfinishedUpload.objects.update(until=timezone.now() - timedelta(seconds=1))
    remove_left_uploads()
    assert not (root / "uploads/one").exists()
    assert not UnfinishedUpload.objects.exists()


def test_what_cannot_be_removed_is_tried_again_later(store, monkeypatch):
    def away(self, path):
        raise OSError(5, "Input/output error")

    left = storing(datastore=store, folder="uploads/one")
    left.__enter__().store.write("uploads/one/a.csv", [b"x"])
    UnfinishedUpload.objects.update(until=timezone.now() - timedelta(seconds=1))
    with monkeypatch.context() as broken:
        broken.setattr(LocalFolder, "delete_folder", away)
        remove_left_uploads()
    assert UnfinishedUpload.objects.get().until > timezone.now()
    UnfinishedUpload.objects.update(until=timezone.now() - timedelta(seconds=1))
    remove_left_uploads()
    assert not UnfinishedUpload.objects.exists()


def test_what_was_given_up_is_not_registered(signed_in, store, monkeypatch):
    def slow(self, path, chunks):
        UnfinishedUpload.objects.update(until=timezone.now() - timedelta(seconds=1))
        remove_left_uploads()
        return real(self, path, chunks)

    real = LocalFolder.write
    monkeypatch.setattr(LocalFolder, "write", slow)
    answer = registered(signed_in, sent(signed_in, ("a.csv", CONTENT)))
    assert "took longer than a day" in answer.text
    assert not DataAssetVersion.objects.exists()


def test_what_is_being_given_up_is_not_registered_either(store):
    with storing(datastore=store, folder="uploads/one") as place:
        # As whoever removes it does first.
        UnfinishedUpload.objects.update(until=timezone.now() + timedelta(hours=1))
        with pytest.raises(StudioError, match="took longer than a day"):
            place.keep()


def test_a_folder_may_have_a_long_path(person, store):
    folder = "/".join(["a" * 200] * 7)
    stored_files.upload_files(
        user=person,
        datastore=store,
        folder=folder,
        files=[("a.csv", SimpleUploadedFile("a.csv", b"x"))],
        replace=False,
    )
    assert Path(store.options["root"], folder, "a.csv").read_bytes() == b"x"


def test_what_is_registered_leaves_no_note(signed_in, store):
    registered(signed_in, sent(signed_in, ("a.csv", CONTENT)))
    assert DataAssetVersion.objects.exists()
    assert not UnfinishedUpload.objects.exists()


# ---- Several files into a folder, of which one fails


class Breaking:
    """Of the moves of a datastore, all from the second on fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, deletes: bool = True) -> None:
        self.moved, real = 0, LocalFolder.move

        def move(store, source, path, *, replace):
            self.moved += 1
            if self.moved > 1:
                raise OSError(5, "Input/output error")
            real(store, source, path, replace=replace)

        def delete(store, path):
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(LocalFolder, "move", move)
        if not deletes:
            monkeypatch.setattr(LocalFolder, "delete", delete)


def put(person, store, **given):
    files = [(name, SimpleUploadedFile(name, b"new")) for name in ("a.csv", "b.csv", "c.csv")]
    return stored_files.upload_files(
        user=person, datastore=store, folder="", files=files, **{"replace": False, **given}
    )


def visible(store) -> list[str]:
    return sorted(one.name for one in Path(store.options["root"]).iterdir())


def test_files_that_fail_half_way_are_all_taken_back(person, store, monkeypatch):
    Path(store.options["root"]).mkdir()
    Breaking(monkeypatch)
    with pytest.raises(FieldErrors, match="the disk has failed"):
        put(person, store)
    assert visible(store) == []
    assert not UnfinishedUpload.objects.exists()


def test_those_that_cannot_be_taken_back_are_named(person, store, monkeypatch):
    Path(store.options["root"]).mkdir()
    Breaking(monkeypatch, deletes=False)
    with pytest.raises(FieldErrors, match=r"Of 3 files these may have been stored: a\.csv, b\.csv"):
        put(person, store)


def test_those_that_replaced_others_are_named(person, store, monkeypatch):
    root = Path(store.options["root"])
    root.mkdir()
    (root / "a.csv").write_text("old")
    Breaking(monkeypatch)
    with pytest.raises(FieldErrors, match=r"may have been stored: a\.csv, b\.csv"):
        put(person, store, replace=True)
    assert visible(store) == ["a.csv"]


def test_a_file_that_came_meanwhile_is_left_alone(person, store, monkeypatch):
    root = Path(store.options["root"])
    root.mkdir()
    real = LocalFolder.move

    def quicker(self, source, path, *, replace):
        if path == "b.csv":
            (root / path).write_text("theirs")
        real(self, source, path, replace=replace)

    monkeypatch.setattr(LocalFolder, "move", quicker)
    with pytest.raises(StudioError, match="exists already"):
        put(person, store)
    assert visible(store) == ["b.csv"]
    assert (root / "b.csv").read_text() == "theirs"
