"""What is being written into a folder of its own in a datastore: it is kept whole, or nothing of it is."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from django.db.models.functions import Now
from django.utils.translation import gettext as _

from studio.errors import StudioError
from studio.models import Datastore, UnfinishedUpload
from studio.stores import Store, open_store

LONGEST = timedelta(days=1)  # that a process is at it
PAUSE = timedelta(hours=1)  # before a datastore that is away is asked again
AT_ONCE = 5


class Storing:
    def __init__(self, note: UnfinishedUpload) -> None:
        self._note, self.store = note, open_store(note.datastore)

    def keep(self) -> None:
        """In the transaction that makes it somebody's. Raises StudioError where it was given up meanwhile: whoever does
        that changes `until` first."""
        mine = UnfinishedUpload.objects.filter(pk=self._note.pk, until=self._note.until)
        if not mine.delete()[0]:
            raise StudioError(_("Storing the files took longer than a day, and was given up. Try again."))


@contextmanager
def storing(*, datastore: Datastore, folder: str) -> Iterator[Storing]:
    """Removes the `folder` unless the block has said keep(); the sweep does where this process dies over it."""
    note = UnfinishedUpload.objects.create(datastore=datastore, folder=folder, until=Now() + LONGEST)
    note.refresh_from_db()
    try:
        yield Storing(note)
    finally:
        _remove(note)


def remove_left_uploads() -> None:
    """Whose process was killed, or whose datastore did not answer when they were to be removed."""
    left = UnfinishedUpload.objects.filter(until__lt=Now()).select_related("datastore")
    for note in left.order_by("until")[:AT_ONCE]:
        _remove(note)


def _remove(note: UnfinishedUpload) -> None:
    """Only where the note is there: what was kept has none."""
    mine = UnfinishedUpload.objects.filter(pk=note.pk)
    if not mine.update(until=Now() + PAUSE):
        return
    with suppress(OSError, StudioError):
        store: Store = open_store(note.datastore)
        store.delete_folder(note.folder)
        if not store.is_folder(note.folder):
            mine.delete()
