"""*Explore*: what is in the files of a data asset."""

from dataclasses import dataclass, field

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scoring.errors import InputError, ScoringError
from scoring.plan import InputFile, file_kind
from scoring.profile import ColumnProfile, FileProfile, profile_file
from studio.actions.inputs import TypedColumn, input_places, list_input, opener, unreadable
from studio.actions.pictures import SMALL, picture
from studio.errors import NotFound, StudioError, Unavailable
from studio.models import DataAssetVersion

WIDTH = 100.0  # of a column's drawing, in percent
HEIGHT = 26  # in pixels


@dataclass(frozen=True)
class DrawnBar:
    label: str
    count: int
    x: float  # percent
    width: float
    y: float  # pixels
    height: float


@dataclass(frozen=True)
class ExploredColumn:
    column: ColumnProfile
    bars: list[DrawnBar]


@dataclass(frozen=True)
class Exploration:
    """One file of a version, or why it cannot be looked at."""

    profile: FileProfile | None = None
    columns: list[ExploredColumn] = field(default_factory=list)
    header: list[TypedColumn] = field(default_factory=list)
    is_image: bool = False  # which has no columns; pictures.py shows it
    problem: str = ""


@dataclass(frozen=True)
class AssetFiles:
    files: list[InputFile] = field(default_factory=list)
    failure: StudioError | None = None  # why there are none
    change: str = ""  # since they were registered

    @property
    def problem(self) -> str:
        return str(self.failure or self.change)

    @property
    def is_away(self) -> bool:
        """They may be where they were: nobody could look."""
        return isinstance(self.failure, Unavailable)

    def find(self, path: str) -> InputFile:
        """The first where none is asked for. Raises NotFound, or the failure."""
        if self.failure:
            raise self.failure
        if not path:
            return self.files[0]
        for file in self.files:
            if file.path == path:
                return file
        raise NotFound(
            _("This version has no file “%(path)s”; it may have been moved or deleted.") % {"path": path}
        )

    @property
    def images(self) -> list[InputFile]:
        return [file for file in self.files if _is_image(file)]


def _is_image(file: InputFile) -> bool:
    try:
        return file_kind(file.path) == "image"
    except InputError:
        return False


def files_of(*, version: DataAssetVersion) -> AssetFiles:
    """Those that a job would read now; never raises for what a disk may do."""
    try:
        files = list_input(datastore=version.datastore, path=version.path)
    except StudioError as refusal:
        return AssetFiles(failure=refusal)
    except OSError as error:
        return AssetFiles(failure=StudioError(unreadable(error)))
    if not files:
        gone = _("Its files are no longer there. Put them back, or create a new version.")
        return AssetFiles(failure=StudioError(gone))
    return AssetFiles(files=files, change=_what_changed(version, files))


def _what_changed(version: DataAssetVersion, files: list[InputFile]) -> str:
    """A version is what was registered; a folder of a disk can change under it all the same."""
    size = sum(file.size for file in files)
    if len(files) == version.files and size == version.size:
        return ""
    return _(
        "The files have changed since this version was registered: then %(then)s, now %(now)s. A job reads what is "
        "there now."
    ) % {"then": _counted(version.files, version.size), "now": _counted(len(files), size)}


def _counted(files: int, size: int) -> str:
    """In bytes: a change may be smaller than what a rounded size shows."""
    return ngettext("%(count)s file of %(size)s bytes", "%(count)s files of %(size)s bytes", files) % {
        "count": number_format(files, force_grouping=True),
        "size": number_format(size, force_grouping=True),
    }


def explore(*, version: DataAssetVersion, file: InputFile) -> Exploration:
    """Of a file that files_of() gave; never raises for what may be in it."""
    if _is_image(file):
        return _explore_image(version, file)
    try:
        with opener(version.datastore, version.path)(file.path) as stream:
            profile = profile_file(stream=stream, name=file.path)
    except (ScoringError, StudioError) as error:
        return Exploration(problem=str(error))
    except OSError as error:
        return Exploration(problem=unreadable(error))
    return Exploration(
        profile=profile,
        columns=[ExploredColumn(column, _drawn(column)) for column in profile.columns],
        header=[TypedColumn(one.name, one.type, one.is_number) for one in profile.columns],
    )


def _explore_image(version: DataAssetVersion, file: InputFile) -> Exploration:
    place = input_places(datastore=version.datastore, root=version.path)(file.path)
    try:
        picture(datastore=version.datastore, path=place, side=SMALL)
    except StudioError as error:
        return Exploration(is_image=True, problem=str(error))
    return Exploration(is_image=True)


def _drawn(column: ColumnProfile) -> list[DrawnBar]:
    if not column.bars:
        return []
    step, most = WIDTH / max(len(column.bars), 4), max(bar.count for bar in column.bars)
    drawn = []
    for place, bar in enumerate(column.bars):
        height = max(round(HEIGHT * bar.count / most, 1), 1) if bar.count else 0
        drawn.append(
            DrawnBar(
                bar.label, bar.count, round(step * place, 2), round(step * 0.86, 2), HEIGHT - height, height
            )
        )
    return drawn
