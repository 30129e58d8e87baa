"""Datastores, and what lies in them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _
from ninja import File, Form, Query, Router, Status
from ninja.files import UploadedFile
from pydantic import Field

from studio.actions import datastores as actions
from studio.actions import stored_files
from studio.actions.browsing import folder_page
from studio.api.downloads import FILE
from studio.api.paging import Page, Paging, page_of
from studio.api.values import Named, checked, examples
from studio.api.wire import Asked, Wire
from studio.errors import FieldErrors
from studio.finding import find_datastore
from studio.forms.datastore_kinds import FORMS, DatastoreForm
from studio.forms.datastores import FolderForm, UploadForm
from studio.models import Datastore
from studio.pages.ranges import send_file
from studio.roles import check_may_administer, check_may_run

router = Router(by_alias=True)
Kind = Literal["local", "s3", "azure", "gcs", "sftp"]
FolderPath = Annotated[str, Query(examples=["visits/2026"])]
FilePath = Annotated[str, Query(examples=["visits/2026/january.csv"])]
Name = Annotated[str, Query(examples=["january"])]
Given = dict[str, str | int | bool]


class DatastoreItem(Wire):
    name: str
    kind: Kind
    description: str
    location: str
    is_default: bool = Field(alias="default")
    has_secrets: bool = Field(alias="hasCredentials", description="Which are never told.")
    asset_count: int = Field(alias="dataAssets", description="That have a version in it.")
    created_by: Named
    created_at: datetime


class EntryItem(Wire):
    path: str
    name: str
    is_folder: bool = Field(alias="folder")
    size: int = Field(description="Bytes.")
    modified: datetime | None


class Folder(Wire):
    path: str
    value: list[EntryItem]
    next: str | None = Field(description="What begin takes for the next page; null on the last one.")


class Step(Wire):
    title: str
    has_passed: bool = Field(alias="passed")
    is_skipped: bool = Field(alias="skipped", description="Since one before it failed.")
    cause: str


class Access(Wire):
    passed: bool
    steps: list[Step]


class Stored(Wire):
    value: list[str] = Field(description="Paths in the datastore.")


class NewDatastore(Asked):
    """`options` and `credentials` have the fields of the page of the kind. For SFTP give `host_key` as known_hosts has
    it; where it is left out, the refusal tells the fingerprint that the server shows."""

    model_config = examples(
        {"name": "visits", "kind": "local", "options": {"root": "/data/visits"}},
        {
            "name": "lake",
            "kind": "s3",
            "options": {"bucket": "visits", "region": "eu-central-1"},
            "credentials": {"access_key": "AKIA…", "secret_key": "…"},
        },
        {
            "name": "blobs",
            "kind": "azure",
            "options": {"account": "visits", "container": "data"},
            "credentials": {"account_key": "…"},
        },
        {
            "name": "google",
            "kind": "gcs",
            "options": {"bucket": "visits"},
            "credentials": {"key_file": "{…}"},
        },
        {
            "name": "partner",
            "kind": "sftp",
            "options": {"host": "sftp.example.com", "port": 22, "user": "ada", "folder": "/visits"},
            "credentials": {"host_key": "ssh-ed25519 AAAA…", "password": "…"},
        },
    )
    name: str
    kind: Kind
    description: str = ""
    options: Given = Field({}, description="Where it lies.")
    credentials: dict[str, str] = Field({}, description="They are encrypted, and never told again.")


class NewCredentials(Asked):
    model_config = examples({"credentials": {"access_key": "AKIA…", "secret_key": "…"}})
    credentials: dict[str, str]


class NewFolder(Asked):
    model_config = examples({"path": "visits", "name": "2026"})
    path: str = Field("", description="Of the folder around it.")
    name: str


class DatastoreUpload(Wire):
    path: str = Field("", description="Of the folder that they go into.", examples=["visits"])
    replace: bool = Field(False, description="Files of the same name.")
    unpack: bool = Field(False, description="Store what is in zip and tar files, not the files themselves.")
    paths: str = Field(
        "",
        description="A JSON list with the path of each file inside of the folder, where names alone do not do.",
        examples=['["2026/january.csv", "2026/february.csv"]'],
    )


@router.get("", response=Page[DatastoreItem], summary="List datastores")
def index(
    request: HttpRequest, paging: Query[Paging], search: Annotated[str, Query(examples=["workspace"])] = ""
) -> dict[str, Any]:
    rows = Datastore.objects.visible_to(request.user).with_asset_count().with_address().matching(search)
    return page_of(request, rows.select_related("created_by").order_by("name"), paging)


@router.post("", response={201: DatastoreItem}, summary="Register a datastore")
def new(request: HttpRequest, asked: NewDatastore) -> Status:
    """Once the studio has listed, written, read and deleted a file there."""
    check_may_administer(request.user)
    form_class = FORMS[asked.kind]
    answers = {"name": asked.name, "description": asked.description, **_begun(form_class)}
    form = form_class(answers | _known(form_class, asked.options, asked.credentials))
    _check(form)
    actions.create_datastore(
        user=request.user,  # type: ignore[arg-type]
        name=form.cleaned_data["name"],
        description=form.cleaned_data["description"],
        kind=asked.kind,
        options=form.options,
        secrets=form.secrets,
    )
    return Status(201, find_datastore(request.user, form.cleaned_data["name"]))


def _check(form: Any) -> None:
    """Raises FieldErrors. Who gives no host key is told the one that the server shows; a page fills it in."""
    is_asked_for = not form.data.get("host_key")
    try:
        checked(form)
    except FieldErrors as refusal:
        shown = form.data.get("host_key") if is_asked_for else ""
        if not shown:
            raise
        confirm = _("To confirm it, send host_key among the credentials: %(key)s") % {"key": shown}
        raise FieldErrors({**refusal.fields, "host_key_to_confirm": confirm}) from refusal


def _begun(form_class: type[DatastoreForm]) -> Given:
    """What the page's fields begin with."""
    fields = form_class.base_fields.items()
    return {name: field.initial for name, field in fields if field.initial is not None}


def _known(form_class: type[DatastoreForm], options: Given, credentials: dict[str, str]) -> Given:
    """Both together. Raises FieldErrors for what the kind does not have."""
    secret = set(form_class.credentials.base_fields)
    plain = set(form_class.base_fields) - secret - set(DatastoreForm.base_fields)
    for word, given, fields in (("options", options, plain), ("credentials", credentials, secret)):
        unknown = sorted(set(given) - fields)
        if unknown:
            raise FieldErrors({word: _unknown(word, unknown, fields)})
    return {**options, **credentials}


def _unknown(word: str, unknown: list[str], fields: set[str]) -> str:
    names = {"where": word, "unknown": ", ".join(unknown)[:200], "known": ", ".join(sorted(fields))}
    if not fields:
        return _("%(where)s: this kind has none.") % names
    return _("%(where)s: this kind has no %(unknown)s. It has %(known)s.") % names


@router.get("/{name}", response=DatastoreItem, summary="One datastore")
def detail(request: HttpRequest, name: str) -> Datastore:
    return find_datastore(request.user, name)


@router.delete("/{name}", response={204: None}, summary="Unregister a datastore")
def unregister(request: HttpRequest, name: str) -> Status:
    """The studio forgets it; its files stay."""
    check_may_administer(request.user)
    store = find_datastore(request.user, name)
    actions.unregister_datastore(user=request.user, datastore=store)  # type: ignore[arg-type]
    return Status(204, None)


@router.put("/{name}/credentials", response=DatastoreItem, summary="Update credentials")
def credentials(request: HttpRequest, name: str, asked: NewCredentials) -> Datastore:
    """What is given replaces what is kept, once the studio has tried it."""
    check_may_administer(request.user)
    store = find_datastore(request.user, name)
    form: Any = FORMS[store.kind].credentials(
        _known(FORMS[store.kind], {}, asked.credentials), datastore=store
    )
    _check(form)
    given = {"options": form.options, "secrets": form.secrets}
    actions.update_credentials(user=request.user, datastore=store, **given)  # type: ignore[arg-type]
    return find_datastore(request.user, name)


@router.put("/{name}/default", response=DatastoreItem, summary="Make a datastore the default")
def set_default(request: HttpRequest, name: str) -> Datastore:
    """New uploads and outputs go there."""
    check_may_administer(request.user)
    store = find_datastore(request.user, name)
    actions.set_default_datastore(user=request.user, datastore=store)  # type: ignore[arg-type]
    return find_datastore(request.user, name)


@router.post("/{name}/access", response=Access, summary="Test the access to a datastore")
def access(request: HttpRequest, name: str) -> dict[str, Any]:
    """Lists, writes a probe, reads it back and deletes it."""
    store = find_datastore(request.user, name)
    steps = actions.check_access(user=request.user, datastore=store)  # type: ignore[arg-type]
    return {"passed": all(step.has_passed for step in steps), "steps": steps}


@router.get("/{name}/files", response=Folder, summary="List a folder")
def browse(
    request: HttpRequest, name: str, path: FolderPath = "", begin: Name = "", prefix: Name = ""
) -> dict[str, Any]:
    """A page of 100; begin is what the page before said, prefix what names begin with."""
    store = find_datastore(request.user, name)
    found = folder_page(datastore=store, path=path, begin=begin, prefix=prefix, hidden=True)
    return {"path": found.path, "value": found.entries, "next": found.page.after}


@router.post("/{name}/files", response={201: Stored}, summary="Upload files")
def upload(
    request: HttpRequest, name: str, asked: Form[DatastoreUpload], files: File[list[UploadedFile]]
) -> Status:
    """All of them or none."""
    check_may_run(request.user)
    form = UploadForm(asked.model_dump(), MultiValueDict({"files": files}))
    answers = checked(form)
    stored = stored_files.upload_files(
        user=request.user,  # type: ignore[arg-type]
        datastore=find_datastore(request.user, name),
        folder=asked.path,
        files=form.named_files,
        replace=answers["replace"],
        unpack=answers["unpack"],
    )
    return Status(201, {"value": stored})


@router.get("/{name}/files/download", summary="Download a file", openapi_extra=FILE)
def download(request: HttpRequest, name: str, path: FilePath) -> HttpResponseBase:
    """Whole, or the part that the header Range asks for."""
    store = find_datastore(request.user, name)
    file = stored_files.find_object(datastore=store, path=path)
    stream = stored_files.open_object(datastore=store, path=path)
    return send_file(request, stream, name=file.name, size=file.size, etag=file.etag)


@router.post("/{name}/folders", response={201: Stored}, summary="Make a folder")
def new_folder(request: HttpRequest, name: str, asked: NewFolder) -> Status:
    check_may_run(request.user)
    made = stored_files.make_folder(
        user=request.user,  # type: ignore[arg-type]
        datastore=find_datastore(request.user, name),
        folder=asked.path,
        name=checked(FolderForm(asked.model_dump()))["name"],
    )
    return Status(201, {"value": [made]})
