"""Data assets and their versions."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from ninja import File, Form, Query, Router, Status
from ninja.files import UploadedFile
from pydantic import Field, model_validator

from studio.actions import data as actions
from studio.actions import exploring
from studio.actions.inputs import input_places
from studio.actions.stored_files import open_object
from studio.api.downloads import FILE
from studio.api.paging import Page, Paging, page_of
from studio.api.values import LEFT_OUT, NAMED, Named, Revision, Tags, checked, checked_part, examples
from studio.api.wire import Asked, Wire
from studio.errors import StudioError
from studio.finding import find_data_asset, find_data_version, find_datastore
from studio.forms.data import ADDRESS, DATASTORE, UPLOAD, DataAssetDetailsForm, DataAssetForm
from studio.models import DataAsset, DataAssetVersion
from studio.pages.data import register
from studio.pages.ranges import send_file
from studio.roles import check_may_run

router = Router(by_alias=True)
Type = Literal["uri_file", "uri_folder"]
FileOfVersion = Annotated[str, Query(examples=["samples-1.csv"])]


class AssetItem(Wire):
    name: str
    type: Type
    description: str
    tags: Tags
    is_archived: bool = Field(alias="archived")
    latest_version: int | None
    created_by: Named
    created_at: datetime
    revision: int


class DataVersionItem(Wire):
    name: str
    version: int
    uri: str = Field(description="What names it where an endpoint is invoked.")
    location: str = Field(description="Where it lies; without what may be a key in an address.")
    datastore: str | None = Field(description="Null where it is a public address.")
    path: str | None
    size: int = Field(description="Bytes.")
    files: int
    created_by: Named
    created_at: datetime


class FileItem(Wire):
    path: str = Field(description="Inside of the version.")
    size: int = Field(description="Bytes.")


class Column(Wire):
    name: str
    type: str
    nulls: int
    distinct: int
    least: str
    greatest: str


class Explored(Wire):
    file: str
    columns: list[Column]
    rows: list[list[str | None]] = Field(description="The first ones.")
    looked_at: int = Field(description="Rows that the columns’ figures come from.")
    is_whole: bool = Field(alias="whole", description="There are no other rows.")


class AssetFilter(Wire):
    type: Type | None = None
    created_by: str = Field("", description="Username.", examples=["admin"])
    archived: bool = False
    search: str = Field("", description="A part of the name or the description.", examples=["cancer"])


class EditedAsset(Asked):
    model_config = examples({"description": "Visits of 2026", "tags": NAMED})
    description: str = LEFT_OUT
    tags: Tags = LEFT_OUT
    revision: Revision = LEFT_OUT


class NewDataVersion(Asked):
    """Files that are somewhere already: a path in a datastore, or a public https address."""

    model_config = examples(
        {"type": "uri_folder", "datastore": "workspaceblobstore", "path": "visits/2026"},
        {"type": "uri_file", "address": "https://example.com/visits.csv"},
    )
    type: Type
    description: str = Field("", description="Of the data asset; left out, it stays as it is.")
    datastore: str | None = None
    path: str | None = None
    address: str | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "NewDataVersion":
        if (self.address is None) == (self.datastore is None) or (self.path is None) != (
            self.datastore is None
        ):
            raise ValueError(_("give datastore and path, or address"))
        return self


class DataUpload(Wire):
    type: Type
    description: str = ""
    unpack: bool = Field(False, description="Store what is in zip and tar files, not the files themselves.")
    paths: str = Field(
        "",
        description="A JSON list with the path of each file inside of the folder, where names alone do not do.",
        examples=['["2026/january.csv", "2026/february.csv"]'],
    )


def item(version: DataAssetVersion) -> dict[str, Any]:
    store, asset = version.datastore, version.asset
    fields = ("version", "location", "size", "files", "created_by", "created_at")
    return {
        **{name: getattr(version, name) for name in fields},
        "name": asset.name,
        "uri": f"azureml:{asset.name}:{version.version}",
        "datastore": None if store.is_address else store.name,
        "path": None if store.is_address else version.path,
    }


@router.get("", response=Page[AssetItem], summary="List data assets")
def index(request: HttpRequest, wanted: Query[AssetFilter], paging: Query[Paging]) -> dict[str, Any]:
    """The newest first."""
    visible = DataAsset.objects.visible_to(request.user)
    rows = (visible.archived() if wanted.archived else visible.offered()).of_type(wanted.type or "")
    rows = rows.created_by_person(wanted.created_by).matching(wanted.search).with_latest()
    return page_of(request, rows.select_related("created_by").newest_first(), paging)


@router.get("/{name}", response=AssetItem, summary="One data asset")
def detail(request: HttpRequest, name: str) -> DataAsset:
    return find_data_asset(request.user, name)


@router.patch("/{name}", response=AssetItem, summary="Edit a data asset")
def edit(request: HttpRequest, name: str, asked: EditedAsset) -> DataAsset:
    """What is left out stays as it is; tags are replaced as a whole. Versions never change."""
    check_may_run(request.user)
    asset = find_data_asset(request.user, name)
    given = asked.model_dump(exclude_unset=True)
    revision = given.pop("revision", asset.revision)
    stored = DataAssetDetailsForm.stored(asset)
    changed = {**stored, **checked_part(DataAssetDetailsForm(given), given)}
    actions.edit_data_asset(user=request.user, asset=asset, revision=revision, **changed)  # type: ignore[arg-type]
    return find_data_asset(request.user, name)


@router.post("/{name}/archive", response=AssetItem, summary="Archive a data asset")
def archive(request: HttpRequest, name: str) -> DataAsset:
    """Lists leave it out; its versions and the jobs that read it stay as they are."""
    check_may_run(request.user)
    actions.archive_data_asset(user=request.user, asset=find_data_asset(request.user, name))  # type: ignore[arg-type]
    return find_data_asset(request.user, name)


@router.post("/{name}/restore", response=AssetItem, summary="Restore a data asset")
def restore(request: HttpRequest, name: str) -> DataAsset:
    check_may_run(request.user)
    actions.restore_data_asset(user=request.user, asset=find_data_asset(request.user, name))  # type: ignore[arg-type]
    return find_data_asset(request.user, name)


@router.delete("/{name}", response={204: None}, summary="Delete a data asset")
def delete(request: HttpRequest, name: str) -> Status:
    """With all its versions. Their files stay where they are."""
    check_may_run(request.user)
    actions.delete_data_asset(user=request.user, asset=find_data_asset(request.user, name))  # type: ignore[arg-type]
    return Status(204, None)


@router.get("/{name}/versions", response=Page[DataVersionItem], summary="List versions")
def versions(request: HttpRequest, name: str, paging: Query[Paging]) -> dict[str, Any]:
    """The latest first."""
    asset = find_data_asset(request.user, name)
    rows = DataAssetVersion.objects.visible_to(request.user).for_asset(asset)
    page = page_of(request, rows.select_related("asset", "datastore", "created_by"), paging)
    return {**page, "value": [item(version) for version in page["value"]]}


@router.post("/{name}/versions", response={201: DataVersionItem}, summary="Register data")
def new(request: HttpRequest, name: str, asked: NewDataVersion) -> Status:
    """As the next version; the first one makes the data asset. The files stay where they are."""
    check_may_run(request.user)
    answers = asked.model_dump(exclude_none=True) | {
        "name": name,
        "source": ADDRESS if asked.address else DATASTORE,
    }
    if asked.datastore:
        answers["datastore"] = find_datastore(request.user, asked.datastore).pk
    form = DataAssetForm(answers, user=request.user)
    checked(form)
    return Status(201, item(register(user=request.user, form=form)))


@router.post("/{name}/versions/upload", response={201: DataVersionItem}, summary="Upload data")
def upload(
    request: HttpRequest, name: str, asked: Form[DataUpload], files: File[list[UploadedFile]]
) -> Status:
    """Files into the default datastore, as the next version; the first one makes the data asset."""
    check_may_run(request.user)
    answers = asked.model_dump() | {"name": name, "source": UPLOAD}
    form = DataAssetForm(answers, MultiValueDict({"files": files}), user=request.user)
    checked(form)
    return Status(201, item(register(user=request.user, form=form)))


@router.get("/{name}/versions/{int:version}", response=DataVersionItem, summary="One version")
def version_detail(request: HttpRequest, name: str, version: int) -> dict[str, Any]:
    return item(_version(request, name, version))


@router.get("/{name}/versions/{int:version}/files", response=Page[FileItem], summary="List a version’s files")
def files(request: HttpRequest, name: str, version: int, paging: Query[Paging]) -> dict[str, Any]:
    """Those that a job would read now."""
    found = exploring.files_of(version=_version(request, name, version))
    if found.failure:
        raise found.failure
    return page_of(request, found.files, paging)


@router.get("/{name}/versions/{int:version}/explore", response=Explored, summary="Columns and first rows")
def explore(request: HttpRequest, name: str, version: int, file: FileOfVersion = "") -> dict[str, Any]:
    """Of one file, the first where none is named."""
    found = _version(request, name, version)
    chosen = exploring.files_of(version=found).find(file)
    explored = exploring.explore(version=found, file=chosen)
    if explored.profile is None:
        raise StudioError(explored.problem or _("This is an image, which has no columns."))
    return {**asdict(explored.profile), "rows": explored.profile.shown, "file": chosen.path}


@router.get("/{name}/versions/{int:version}/download", summary="Download a file", openapi_extra=FILE)
def download(request: HttpRequest, name: str, version: int, file: FileOfVersion = "") -> HttpResponseBase:
    """One of the version's files, the first where none is named; whole, or the part that Range asks for."""
    found = _version(request, name, version)
    chosen = exploring.files_of(version=found).find(file)
    path = input_places(datastore=found.datastore, root=found.path)(chosen.path)
    stream = open_object(datastore=found.datastore, path=path)
    return send_file(request, stream, name=chosen.path.rsplit("/", 1)[-1], size=chosen.size, etag=chosen.etag)


def _version(request: HttpRequest, name: str, number: int) -> DataAssetVersion:
    return find_data_version(find_data_asset(request.user, name), number)
