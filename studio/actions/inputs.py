"""What a job would read: listed, and its first rows held against the model's signature."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import BinaryIO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from scoring.dividing import estimate
from scoring.errors import ScoringError
from scoring.estimating import RowEstimate, estimate_rows
from scoring.plan import InputFile, file_kind, is_hidden, plan
from scoring.preview import Preview, first_rows
from scoring.scorer.dialect import SNIFFED, Dialect
from scoring.signature import FLOATS, INTEGERS, ColumnCheck, Signature, compare, missing_required
from studio.actions.addresses import nothing_at
from studio.errors import StudioError
from studio.models import Datastore
from studio.stores import open_store, reason, tidy

NO_IMAGES = gettext_lazy(
    "%(file)s is an image, and the model takes no images: its signature is not one tensor of numbers of the shape "
    "(-1, height, width, channels). Choose other data, or a model that does."
)


@dataclass
class InputCheck:
    """What the wizard says about an input before a job is started."""

    files: int = 0
    bytes: int = 0
    minibatches: int = 0
    first_file: str = ""
    preview: Preview | None = None
    columns: list[ColumnCheck] = field(default_factory=list)
    images_as: str = ""  # what the model is given of each, where they are images
    problem: str = ""  # why no job can read this, as a sentence
    count_rows: Callable[[], RowEstimate | None] = lambda: None

    @cached_property
    def rows(self) -> RowEstimate | None:
        """Of all files; None where nothing can be looked at. Read for who asks: it takes a look into many files."""
        try:
            return self.count_rows()
        except (ScoringError, StudioError, OSError):
            return None


@dataclass(frozen=True)
class TypedColumn:
    name: str
    type: str
    numeric: bool


@dataclass(frozen=True)
class FirstRows:
    """The first rows of one file, or why it cannot be read."""

    columns: list[TypedColumn] = field(default_factory=list)
    rows: list[list[str | None]] = field(default_factory=list)
    problem: str = ""


def list_input(*, datastore: Datastore | None, path: str) -> list[InputFile]:
    """Files of an input, by their paths relative to it; hidden names left out.

    Raises PathRefused, or StudioError when nothing is at `path`.
    """
    store = open_store(datastore)
    single = store.stat(path)
    if single:
        return [InputFile(path=single.name, size=single.size, etag=single.etag)]
    if not store.is_folder(path):
        assert datastore is not None, "open_store() refused it"
        if datastore.is_address:
            raise nothing_at(datastore.location)
        raise StudioError(
            _(
                "There is nothing at “%(path)s” in the datastore %(store)s. Check the path, or choose another one."
            )
            % {"path": path, "store": datastore.name}
        )
    root = tidy(path)
    found = []
    for item in store.list(path):
        relative = item.path[len(root) :].lstrip("/")
        if not is_hidden(relative):
            _check_name(relative)
            found.append(InputFile(path=relative, size=item.size, etag=item.etag))
    return sorted(found, key=lambda file: file.path)


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError:
        shown = path.encode("utf-8", "replace").decode()
        raise StudioError(
            _("The name of the file “%(name)s” is not UTF-8. Rename it.") % {"name": shown}
        ) from None


def input_places(*, datastore: Datastore | None, root: str) -> Callable[[str], str]:
    """Gives the datastore path of each file that list_input() gave."""
    if open_store(datastore).stat(root):
        return lambda _relative: tidy(root)
    return lambda relative: tidy(f"{root}/{relative}")


def opener(datastore: Datastore | None, root: str) -> Callable[[str], BinaryIO]:
    """Opens the files that list_input() gave, by their paths."""
    store, places = open_store(datastore), input_places(datastore=datastore, root=root)
    return lambda relative: store.open(places(relative))


def check_input(
    *,
    datastore: Datastore | None,
    path: str,
    signature: dict | None,
    mini_batch_size: int,
    split_size: int,
    dialect: Dialect = SNIFFED,
    rows: int = 20,
) -> InputCheck:
    """Never raises for what a user may have given: the reason is in `problem`."""
    check = InputCheck()
    try:
        files = list_input(datastore=datastore, path=path)
        check.files, check.bytes = len(files), sum(file.size for file in files)
        planned = plan(
            files=files,
            mini_batch_size=mini_batch_size,
            split_size=split_size if signature else 0,
            divide=partial(estimate, split_size=split_size),
        )
        check.minibatches = len(planned)
        check.first_file = planned[0][0].path
        opened = opener(datastore, path)
        with opened(check.first_file) as stream:
            check.preview = first_rows(stream=stream, name=check.first_file, rows=rows, dialect=dialect)
        check.count_rows = partial(estimate_rows, files=files, opened=opened, dialect=dialect)
        model = Signature.from_dict(signature) if signature else Signature()
        if file_kind(check.first_file) == "image":
            if model.takes_images:
                check.images_as = model.input_tensors[0].of_one_row
            else:
                check.problem = NO_IMAGES % {"file": check.first_file}
            return check
        check.columns = compare(columns=check.preview.columns, signature=model)
        missing = missing_required(columns=check.preview.columns, signature=model)
        if missing:
            check.problem = missing_sentence(missing)
    except (ScoringError, StudioError) as error:
        check.problem = str(error)
    except OSError as error:
        check.problem = unreadable(error)
    return check


def unreadable(error: OSError) -> str:
    return _("The input cannot be read: %(reason)s. Check the path and its permissions.") % {
        "reason": reason(error)
    }


def first_rows_of(*, datastore: Datastore | None, root: str, file: InputFile, rows: int = 20) -> FirstRows:
    """Of a file that list_input() gave; never raises for what may be in it."""
    try:
        with opener(datastore, root)(file.path) as stream:
            preview = first_rows(stream=stream, name=file.path, rows=rows)
    except (ScoringError, StudioError) as error:
        return FirstRows(problem=str(error))
    except OSError as error:
        return FirstRows(problem=unreadable(error))
    columns = [TypedColumn(one.name, one.type, one.type in INTEGERS + FLOATS) for one in preview.columns]
    return FirstRows(columns=columns, rows=preview.rows)


def missing_sentence(missing: list[str]) -> str:
    if len(missing) == 1:
        return _(
            "The model needs the column %(name)s, which this input does not have. Choose another data asset or version."
        ) % {"name": missing[0]}
    return _(
        "The model needs the columns %(names)s, which this input does not have. Choose another data asset or version."
    ) % {"names": ", ".join(missing)}
