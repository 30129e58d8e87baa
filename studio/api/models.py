"""Registered models and their versions. MLflow's registry holds them."""

import uuid
from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext as _
from ninja import File, Form, Query, Router, Status
from ninja.files import UploadedFile
from pydantic import Field

from studio.actions import model_editing, model_sources
from studio.actions.model_folders import members_of_upload
from studio.actions.registrations import register_files, register_logged_model
from studio.api.downloads import CONTENT
from studio.api.paging import Page, Paging, page_of
from studio.api.values import LEFT_OUT, NAMED, Tags, checked, checked_part, examples
from studio.api.wire import Asked, Wire
from studio.errors import NotFound, StudioError
from studio.finding import find_model, find_registration, find_version
from studio.forms.files import named
from studio.forms.models import AliasesForm, ModelTextForm, RegisterForm
from studio.models import ModelVersion, RegisteredModel, Registration
from studio.pages.render import attach
from studio.roles import check_may_manage

router = Router(by_alias=True)
registrations = Router(by_alias=True)
FilePath = Annotated[str, Query(examples=["MLmodel"])]
Type = Literal["MLFLOW", "CUSTOM"]


class ModelItem(Wire):
    name: str
    description: str
    tags: Tags
    aliases: dict[str, int] = Field(description="Each with its version.")
    latest_version: int | None
    created_at: datetime
    updated_at: datetime


class ModelVersionItem(Wire):
    name: str
    version: int
    type: Type
    why_custom: str = Field(description="Why it cannot be deployed; empty where it can.")
    flavors: list[str]
    description: str
    shown_tags: Tags = Field(alias="tags")
    aliases: list[str]
    python_version: str
    mlflow_version: str
    size: int | None = Field(description="Bytes.")
    run_id: str
    created_by: str
    created_at: datetime


class ModelVersionDetail(ModelVersionItem):
    signature: dict[str, Any] | None
    environment_files: dict[str, str] = Field(description="Name and text of each.")


class Artifact(Wire):
    path: str
    size: int | None = Field(description="Bytes.")


class RegistrationItem(Wire):
    pk: int = Field(alias="id")
    status: Literal["Waiting", "Registering", "Succeeded", "Failed"] = Field(
        description="Succeeded and Failed are final."
    )
    name: str
    version: int | None = Field(description="The version that it became.")
    error: str = Field(alias="problem", description="Why it failed, or what it waits for.")
    created_at: datetime
    finished_at: datetime | None


class ModelFilter(Wire):
    type: Type | None = None
    flavor: str = Field("", examples=["sklearn"])
    alias: str = Field("", examples=["champion"])
    search: str = Field(
        "", description="A part of the name, the description or the tags, or an alias.", examples=["cancer"]
    )


class EditedText(Asked):
    model_config = examples({"description": "Churn within 30 days", "tags": NAMED})
    description: str = LEFT_OUT
    tags: Tags = LEFT_OUT


class NewAliases(Asked):
    model_config = examples({"aliases": ["champion"]})
    aliases: list[str]


class FromRun(Asked):
    """A model that an MLflow run has logged."""

    model_config = examples({"runId": "0123456789abcdef0123456789abcdef", "model": "model"})
    run_id: str = Field(pattern=r"^[0-9a-zA-Z_-]{1,64}$")
    model: str = Field("", description="Its name in the run; left out where the run has logged one only.")
    description: str = ""
    tags: Tags = {}


class ModelUpload(Wire):
    description: str = Field("", examples=["Churn within 30 days"])
    tags: str = Field("", description="name=value, one in each line.", examples=["team=fraud\nstage=test"])
    paths: str = Field(
        "",
        description="A JSON list with the path of each file in the model’s folder, where names alone do not do.",
        examples=['["MLmodel", "model.pkl", "code/features.py"]'],
    )


def item(version: ModelVersion) -> dict[str, Any]:
    fields = {*ModelVersionDetail.model_fields} - {"name"}
    return {name: getattr(version, name) for name in fields} | {"name": version.registered_model.name}


@router.get("", response=Page[ModelItem], summary="List models")
def index(request: HttpRequest, wanted: Query[ModelFilter], paging: Query[Paging]) -> dict[str, Any]:
    """The newest first."""
    rows = RegisteredModel.objects.visible_to(request.user).matching(wanted.search).with_alias(wanted.alias)
    rows = rows.whose_latest_is(type=wanted.type or "", flavor=wanted.flavor)
    return page_of(request, rows.with_latest().newest_first(), paging)


@router.get("/{name}", response=ModelItem, summary="One model")
def detail(request: HttpRequest, name: str) -> RegisteredModel:
    return find_model(request.user, name)


@router.patch("/{name}", response=ModelItem, summary="Edit a model")
def edit(request: HttpRequest, name: str, asked: EditedText) -> RegisteredModel:
    """What is left out stays as it is; tags are replaced as a whole."""
    check_may_manage(request.user)
    model = find_model(request.user, name)
    changed = _changed({"description": model.description, "tags": model.tags}, asked)
    model_editing.edit_model(user=request.user, model=model, **changed)  # type: ignore[arg-type]
    return find_model(request.user, name)


def _changed(stored: dict[str, Any], asked: EditedText) -> dict[str, Any]:
    given = asked.model_dump(exclude_unset=True)
    return {**stored, **checked_part(ModelTextForm(given), given)}


@router.delete("/{name}", response={204: None}, summary="Delete a model")
def delete(request: HttpRequest, name: str) -> Status:
    """With all its versions, in MLflow too."""
    check_may_manage(request.user)
    model_editing.delete_model(user=request.user, model=find_model(request.user, name))  # type: ignore[arg-type]
    return Status(204, None)


@router.get("/{name}/versions", response=Page[ModelVersionItem], summary="List versions")
def versions(request: HttpRequest, name: str, paging: Query[Paging]) -> dict[str, Any]:
    """The latest first."""
    model = find_model(request.user, name)
    rows = ModelVersion.objects.filter(registered_model=model).select_related("registered_model")
    page = page_of(request, rows.order_by("-version"), paging)
    return {**page, "value": [item(version) for version in page["value"]]}


@router.post("/{name}/versions", response={202: RegistrationItem}, summary="Register a model from a run")
def register(request: HttpRequest, name: str, asked: FromRun) -> Status:
    """As the next version; the first one makes the model. Follow the registration until it has succeeded or failed."""
    check_may_manage(request.user)
    answers = checked(RegisterForm({**asked.model_dump(), "name": name, "key": uuid.uuid4()}))
    run = model_sources.run(id=asked.run_id)
    made = register_logged_model(user=request.user, run=run, model=_logged(run, asked.model), **answers)  # type: ignore[arg-type]
    return Status(202, made)


@router.post(
    "/{name}/versions/upload", response={202: RegistrationItem}, summary="Register a model from files"
)
def upload(
    request: HttpRequest, name: str, asked: Form[ModelUpload], files: File[list[UploadedFile]]
) -> Status:
    """One zip or tar file of the folder that mlflow.<flavor>.save_model has written, or that folder's files. Follow the
    registration until it has succeeded or failed."""
    check_may_manage(request.user)
    answers = checked(RegisterForm({**asked.model_dump(), "name": name, "key": uuid.uuid4()}))
    members = members_of_upload(named(files, asked.paths))
    label = files[0].name or ""
    made = register_files(user=request.user, members=members, label=label, **answers)  # type: ignore[arg-type]
    return Status(202, made)


def _logged(run: model_sources.Run, name: str) -> model_sources.LoggedModel:
    """The one of this name, or the only one."""
    logged = model_sources.logged_models(run=run)
    chosen = [one for one in logged if name in ("", one.name, one.key)]
    if len(chosen) == 1:
        return chosen[0]
    names = {"run": run.id, "name": name, "models": ", ".join(one.name for one in logged)}
    if not logged:
        raise NotFound(_("The run %(run)s has logged no model.") % names)
    if not chosen:
        raise NotFound(_("The run %(run)s has logged no model “%(name)s”. It has: %(models)s.") % names)
    raise StudioError(_("The run %(run)s has logged several models: %(models)s. Name one.") % names)


@registrations.get("/{int:number}", response=RegistrationItem, summary="Follow a registration")
def registration(request: HttpRequest, number: int) -> Registration:
    return find_registration(request.user, number)


@router.get("/{name}/versions/{int:version}", response=ModelVersionDetail, summary="One version")
def version_detail(request: HttpRequest, name: str, version: int) -> dict[str, Any]:
    return item(_version(request, name, version))


@router.patch("/{name}/versions/{int:version}", response=ModelVersionDetail, summary="Edit a version")
def edit_version(request: HttpRequest, name: str, version: int, asked: EditedText) -> dict[str, Any]:
    """What is left out stays as it is; tags are replaced as a whole."""
    check_may_manage(request.user)
    found = _version(request, name, version)
    changed = _changed({"description": found.description, "tags": found.shown_tags}, asked)
    model_editing.edit_version(user=request.user, version=found, **changed)  # type: ignore[arg-type]
    return item(_version(request, name, version))


@router.put(
    "/{name}/versions/{int:version}/aliases", response=ModelVersionDetail, summary="Set a version’s aliases"
)
def set_aliases(request: HttpRequest, name: str, version: int, asked: NewAliases) -> dict[str, Any]:
    """It has these and no others from now on; those that another version has move here."""
    check_may_manage(request.user)
    aliases = checked(AliasesForm(asked.model_dump()))["aliases"]
    found = _version(request, name, version)
    model_editing.set_aliases(user=request.user, version=found, aliases=aliases)  # type: ignore[arg-type]
    return item(_version(request, name, version))


@router.delete("/{name}/versions/{int:version}", response={204: None}, summary="Delete a version")
def delete_version(request: HttpRequest, name: str, version: int) -> Status:
    check_may_manage(request.user)
    found = _version(request, name, version)
    model_editing.delete_version(user=request.user, version=found)  # type: ignore[arg-type]
    return Status(204, None)


@router.get(
    "/{name}/versions/{int:version}/artifacts", response=Page[Artifact], summary="List a version’s files"
)
def artifacts(request: HttpRequest, name: str, version: int, paging: Query[Paging]) -> dict[str, Any]:
    return page_of(request, _version(request, name, version).artifacts, paging)


@router.get(
    "/{name}/versions/{int:version}/artifacts/download",
    summary="Download a file of a version",
    openapi_extra={"responses": {200: {"description": "The file", "content": CONTENT}}},
)
def download(request: HttpRequest, name: str, version: int, path: FilePath) -> StreamingHttpResponse:
    opened = model_sources.open_artifact(version=_version(request, name, version), path=path)
    response = StreamingHttpResponse(opened.pieces, content_type="application/octet-stream")
    attach(response, path.rsplit("/", 1)[-1])
    if opened.size is not None:
        response["Content-Length"] = str(opened.size)
    return response


def _version(request: HttpRequest, name: str, number: int) -> ModelVersion:
    return find_version(find_model(request.user, name), number)
