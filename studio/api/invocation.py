"""What an invocation asks for: its body, in Azure's words, and the job that it comes to."""

import math
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from django.contrib.auth.models import User
from django.utils.translation import gettext as _
from ninja import Header
from pydantic import BeforeValidator, Field

from studio.actions import samples
from studio.actions.jobs import JobRequest
from studio.api.uris import read_input, read_output
from studio.api.values import examples
from studio.api.wire import Asked
from studio.errors import FieldErrors, NotFound, StudioError
from studio.finding import found
from studio.forms.job_at_once import WantedJob, job_request
from studio.models import Deployment, Endpoint
from studio.permissions import check_can_use_deployment

WIRE = {  # fields of the wizard to where the body has them
    "display_name": "displayName",
    "output_file_name": "outputFileName",
    "mini_batch_size": "miniBatchSize",
    "instance_count": "compute.instanceCount",
    "max_concurrency": "maxConcurrencyPerInstance",
    "max_retries": "retrySettings.maxRetries",
    "timeout": "retrySettings.timeout",
    "error_threshold": "errorThreshold",
    "logging_level": "loggingLevel",
    "path": "inputData",
    "dataset": "inputData",
    "asset_version": "inputData",
    "datastore": "inputData",
    "output_path": "outputData",
    "output_datastore": "outputData",
    "pass_through": "passThrough",
}
EXAMPLE: dict[str, Any] = {
    "properties": {
        "inputData": {"samples": {"jobInputType": "UriFolder", "uri": f"azureml:{samples.DATA}@latest"}},
        "miniBatchSize": 10,
        "errorThreshold": 0,
    }
}
KINDS = {kind.lower(): kind for kind in ("UriFile", "UriFolder")}
Kind = Annotated[
    Literal["UriFile", "UriFolder"], BeforeValidator(lambda given: KINDS.get(str(given).lower(), given))
]
Lower = BeforeValidator(lambda given: given.lower() if isinstance(given, str) else given)
Number = Annotated[int, Field(ge=-1, le=1_000_000_000)]


class JobInput(Asked):
    job_input_type: Kind = Field("UriFolder", description="The studio itself looks which of both is there.")
    uri: str = Field(
        min_length=1,
        max_length=4000,
        description=(
            "azureml:name:version, azureml:name@latest, azureml://datastores/name/paths/path (or with subscriptions, "
            "resource group and workspace before it), the id of a data asset, or an https address."
        ),
    )


class JobOutput(Asked):
    job_output_type: Kind = Field(
        "UriFile",
        description="UriFile: the file of the predictions. UriFolder: the folder that it is written into.",
    )
    uri: str = Field(min_length=1, max_length=4000, description="azureml://datastores/name/paths/path")


class Compute(Asked):
    instance_count: Number | None = None


class RetrySettings(Asked):
    max_retries: Number | None = None
    timeout: timedelta | None = Field(None, description="ISO 8601, such as PT30S, or seconds.")


class Wanted(Asked):
    input_data: dict[str, JobInput] = Field(min_length=1, max_length=1, description="One input, of any name.")
    output_data: dict[str, JobOutput] | None = Field(
        None, max_length=1, description="One output, of any name."
    )
    display_name: str | None = Field(None, max_length=255)
    compute: Compute | None = None
    mini_batch_size: Number | None = None
    error_threshold: Number | None = None
    retry_settings: RetrySettings | None = None
    max_concurrency_per_instance: Number | None = None
    logging_level: Annotated[Literal["debug", "info", "warning"], Lower] | None = None
    output_file_name: str | None = Field(None, max_length=200)
    pass_through: list[str] | None = Field(
        None, max_length=1000, description="Columns to copy beside predictions."
    )
    name: str | None = Field(None, description="Taken, and not kept.")
    description: str | None = Field(None, description="Taken, and not kept.")
    tags: dict[str, Any] | None = Field(None, description="Taken, and not kept.")
    properties: dict[str, Any] | None = Field(None, description="Taken, and not kept.")
    partition_keys: list[str] | None = Field(None, description="Taken, and not kept.")


class Invocation(Asked):
    model_config = examples(EXAMPLE)

    properties: Wanted


DeploymentHeader = Annotated[
    str,
    Header(
        alias="azureml-model-deployment",
        examples=["logistic-regression"],
        description="Name of a deployment, in place of the default one.",
    ),
]


def find_deployment(*, user: User, endpoint: str, name: str) -> Deployment:
    """That of the name, the endpoint's default one without. Raises NotFound, StudioError."""
    chosen: Deployment | None = Deployment.objects.visible_to(user).chosen(endpoint, name).for_job().first()
    if chosen:
        return chosen
    gone = _("There is no endpoint “%(name)s”. It may have been deleted.") % {"name": endpoint}
    found(Endpoint.objects.visible_to(user), gone, name=endpoint)
    if name:
        raise NotFound(
            _(
                "The endpoint %(endpoint)s has no deployment “%(name)s”. Leave the header out for the default one."
            )
            % {"endpoint": endpoint, "name": name}
        )
    raise StudioError(
        _(
            "The endpoint %(name)s has no default deployment. "
            "Name one, with the header azureml-model-deployment."
        )
        % {"name": endpoint}
    )


def wanted_job(
    *, user: User, deployment: Deployment, wanted: Wanted, key: uuid.UUID, digest: str = ""
) -> JobRequest:
    """What submit_job() takes. Raises FieldErrors."""
    check_can_use_deployment(user, deployment)
    return job_request(user=user, wanted=_read(user, deployment, wanted), key=key, digest=digest)


@contextmanager
def in_wire_names() -> Iterator[None]:
    """Refusals of fields of the wizard become those of what the body has. Raises StudioError."""
    try:
        yield
    except FieldErrors as refusal:
        raise StudioError(_by_wire_names(refusal)) from refusal


def _read(user: User, deployment: Deployment, wanted: Wanted) -> WantedJob:
    [data] = wanted.input_data.values()
    output, file_name = _output(user, wanted)
    retry = wanted.retry_settings or RetrySettings(max_retries=None, timeout=None)
    overrides = {
        "output_file_name": file_name,
        "mini_batch_size": wanted.mini_batch_size,
        "instance_count": wanted.compute.instance_count if wanted.compute else None,
        "max_concurrency": wanted.max_concurrency_per_instance,
        "max_retries": retry.max_retries,
        "timeout": None if retry.timeout is None else math.ceil(retry.timeout.total_seconds()),
        "error_threshold": wanted.error_threshold,
        "logging_level": wanted.logging_level,
    }
    return WantedJob(
        deployment=deployment,
        input=read_input(user=user, uri=data.uri),
        output=output,
        settings={name: value for name, value in overrides.items() if value is not None},
        pass_through=wanted.pass_through,
        display_name=wanted.display_name or "",
    )


def _output(user: User, wanted: Wanted) -> tuple[Any, str | None]:
    """Where the predictions go, and the name of their file where that says it."""
    if not wanted.output_data:
        return None, wanted.output_file_name
    [output] = wanted.output_data.values()
    datastore, path = read_output(user=user, uri=output.uri)
    if output.job_output_type == "UriFolder":
        return (datastore, path), wanted.output_file_name
    file = PurePosixPath(path)
    if wanted.output_file_name not in (None, file.name):
        raise StudioError(
            _("outputData names the file “%(one)s”, outputFileName “%(other)s”. Leave one of them out.")
            % {"one": file.name, "other": wanted.output_file_name}
        )
    return (datastore, str(file.parent)), file.name


def _by_wire_names(refusal: FieldErrors) -> str:
    return " ".join(
        f"properties.{WIRE[name]}: {sentence}" if name in WIRE else sentence
        for name, sentence in refusal.fields.items()
    )
