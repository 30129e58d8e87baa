import threading
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import close_old_connections, connection

from studio.actions import data, datastores, stored_files
from studio.errors import FieldErrors, NotAllowed, NotFound, StudioError
from studio.models import Datastore, Event
from studio.stores import LocalFolder
from tests import factories

pytestmark = pytest.mark.django_db


class Broken(LocalFolder):
    """A disk on which one act fails."""

    def __init__(self, root: Path, act: str, error: Exception):
        super().__init__(str(root))
        setattr(self, act, self._fail)
        self.error = error

    def _fail(self, *args: object, **options: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("act", "error", "passed", "cause"),
    [
        ("entries", PermissionError(13, "Permission denied"), 0, "the studio’s user is not allowed to"),
        ("write", OSError(30, "Read-only file system"), 1, "the disk is read-only"),
        ("write", OSError(28, "No space left on device"), 1, "the disk is full"),
        ("open", OSError(5, "Input/output error"), 2, "the disk has failed"),
    ],
)
def test_probe_says_which_step_failed_and_why(
    tmp_path: Path, act: str, error: OSError, passed: int, cause: str
) -> None:
    steps = datastores.probe(Broken(tmp_path, act, error))
    assert [step.has_passed for step in steps] == [place < passed for place in range(4)]
    assert cause in steps[passed].cause
    assert [step.is_skipped for step in steps] == [place > passed for place in range(4)]


def test_probe_notices_what_is_read_back_wrong(tmp_path: Path) -> None:
    store = LocalFolder(str(tmp_path))
    store.write = lambda path, chunks: LocalFolder.write(store, path, [b"other"])  # type: ignore[method-assign]
    assert "what was read is not what was written" in datastores.probe(store)[2].cause


def test_a_fresh_studio_gets_a_default_datastore_once(tmp_path: Path) -> None:
    first = datastores.set_up_default_datastore(root=tmp_path / "datastore")
    assert datastores.set_up_default_datastore(root=tmp_path / "datastore") == first
    assert (first.name, first.is_default, (tmp_path / "datastore").is_dir()) == (
        "workspaceblobstore",
        True,
        True,
    )


def test_a_studio_whose_first_datastore_was_unregistered_still_starts(tmp_path: Path) -> None:
    mine = factories.datastore(tmp_path, name="mine")
    assert datastores.set_up_default_datastore(root=tmp_path / "datastore") == mine
    assert Datastore.objects.count() == 1


def test_set_default_of_one_that_is_gone_says_so(store: Datastore, tmp_path: Path) -> None:
    other = factories.datastore(tmp_path, is_default=False)
    Datastore.objects.filter(pk=other.pk).delete()
    with pytest.raises(NotFound, match="unregistered meanwhile"):
        datastores.set_default_datastore(user=factories.user(), datastore=other)
    assert Datastore.objects.default() == store


def test_set_default_and_unregister_leave_an_event(store: Datastore, tmp_path: Path) -> None:
    Path(store.location).mkdir()
    person, other = factories.user(), factories.datastore(tmp_path / "other", is_default=False)
    Path(other.location).mkdir()
    datastores.set_default_datastore(user=person, datastore=other)
    datastores.unregister_datastore(user=person, datastore=store)
    assert list(Event.objects.order_by("pk").values_list("action", "subject")) == [
        ("datastore.set_default", other.name),
        ("datastore.unregister", store.name),
    ]


def test_the_default_cannot_be_unregistered(store: Datastore) -> None:
    with pytest.raises(NotAllowed, match="Make another one the default first"):
        datastores.unregister_datastore(user=factories.user(), datastore=store)


@pytest.mark.django_db(transaction=True)
def test_of_two_that_register_folders_in_each_other_one_is_refused(tmp_path: Path) -> None:
    factories.datastore(tmp_path / "first")
    person, outcomes = factories.user(), []
    (tmp_path / "shared" / "inner").mkdir(parents=True)

    def register(name: str, folder: Path) -> None:
        try:
            datastores.create_datastore(
                user=person, name=name, description="", kind="local", options={"root": str(folder)}
            )
            outcomes.append(name)
        except FieldErrors:
            outcomes.append("")
        finally:
            close_old_connections()
            connection.close()

    places = (("outer", tmp_path / "shared"), ("inner", tmp_path / "shared" / "inner"))
    threads = [threading.Thread(target=register, args=place) for place in places]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("") == 1
    assert Datastore.objects.count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["data asset", "datastore"])
def test_of_two_who_take_a_name_at_once_both_are_told_the_truth(tmp_path: Path, kind: str) -> None:
    """A data asset gets two versions, since its name is there for the second; a datastore's is refused."""
    home, person, outcomes = factories.datastore(tmp_path / "home"), factories.user(), []
    both = threading.Barrier(2)
    for number in range(2):
        (tmp_path / "home" / str(number)).mkdir(parents=True)
        (tmp_path / "home" / str(number) / "a.csv").write_text("x\n1\n")

    def register(number: int) -> None:
        both.wait()
        try:
            if kind == "data asset":
                given = {"description": "", "type": "uri_folder", "datastore": home, "path": str(number)}
                outcomes.append(str(data.register_data_asset(user=person, name="visits", **given)))
            else:
                options = {"root": str(tmp_path / f"other-{number}")}
                made = datastores.create_datastore(
                    user=person, name="visits", description="", kind="local", options=options
                )
                outcomes.append(made.name)
        except FieldErrors as refusal:
            outcomes.append(str(refusal))
        finally:
            connection.close()

    threads = [threading.Thread(target=register, args=[number]) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = "There is a datastore “visits” already. Choose another name."
    assert sorted(outcomes) == (["visits:1", "visits:2"] if kind == "data asset" else [taken, "visits"])


def test_an_upload_that_is_cut_off_leaves_nothing(store: Datastore) -> None:
    Path(store.location).mkdir()

    class CutOff:
        def chunks(self):
            yield b"half"
            raise OSError("cut off")

    class Whole:
        def chunks(self):
            yield b"whole"

    with pytest.raises(StudioError, match="cannot be stored"):
        stored_files.upload_files(
            user=factories.user(),
            datastore=store,
            folder="",
            files=[("a.csv", Whole()), ("b.csv", CutOff())],  # type: ignore[list-item]
            replace=True,
        )
    assert list(Path(store.location).iterdir()) == []


def test_two_files_of_one_name_are_refused_and_neither_is_stored(person, store):
    files = [("x.csv", SimpleUploadedFile("x.csv", b"1")), ("x.csv", SimpleUploadedFile("x.csv", b"2"))]
    with pytest.raises(FieldErrors, match="same name"):
        stored_files.upload_files(user=person, datastore=store, folder="in", files=files, replace=True)
    assert not list(Path(store.options["root"]).rglob("*.csv"))
