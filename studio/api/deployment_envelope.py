"""A deployment with the words of Azure's management API: the body that asks for one, and the answer that shows it."""

import math
import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from django.urls import reverse
from pydantic import BeforeValidator, Field

from studio.actions.endpoints import settings_of
from studio.api.endpoints import Authorship, State
from studio.api.values import LEFT_OUT, NAMED, Revision, Tags, examples
from studio.api.wire import Asked, Wire
from studio.forms.fields import MB
from studio.models import Deployment

NUMBERS = (-(1 << 53), 1 << 53)
EXAMPLE = {
    "properties": {
        "model": {"assetId": "azureml:churn:3"},
        "compute": "azureml:cpu-cluster",
        "resources": {"instanceCount": 1},
        "maxConcurrencyPerInstance": 2,
        "retrySettings": {"maxRetries": 3, "timeout": "PT30S"},
        "errorThreshold": -1,
        "loggingLevel": "info",
        "miniBatchSize": 10,
        "outputFileName": "predictions.csv",
        "environment": {"python": "3.11", "packages": ["mlflow==3.17.2", "scikit-learn==1.9.1"]},
    },
    "tags": NAMED,
}


def _snake(word: Any) -> Any:
    """AppendRow, append_row, Append row."""
    return re.sub(r"(?<=[a-z])[ _]?(?=[A-Z])", "_", word).lower() if isinstance(word, str) else word


Number = Annotated[int, Field(ge=NUMBERS[0], le=NUMBERS[1])]
Seconds = Annotated[timedelta, Field(description="ISO 8601, such as PT30S, or seconds.")]
Action = Annotated[Literal["append_row", "summary_only"], BeforeValidator(_snake)]
Level = Annotated[Literal["warning", "info", "debug"], BeforeValidator(_snake)]


class Model(Asked):
    reference_type: Literal["Id"] = "Id"
    asset_id: str = Field(
        description="azureml:name:version, azureml:name@alias, or …/models/name/versions/version."
    )


class Resources(Asked):
    instance_count: Number = LEFT_OUT


class DeploymentRetrySettings(Asked):
    max_retries: Number = LEFT_OUT
    timeout: Seconds = LEFT_OUT


class Environment(Asked):
    """In place of the generated one. Packages only."""

    python: str = Field(max_length=20)
    packages: list[str] = Field(max_length=500)


class Settings(Asked):
    resources: Resources = LEFT_OUT
    max_concurrency_per_instance: Number | None = Field(
        None, description="Left out, it is Azure’s 1; null: as many as the node has slots."
    )
    retry_settings: DeploymentRetrySettings = LEFT_OUT
    error_threshold: Number = Field(
        LEFT_OUT, description="Failed files that a job tolerates; -1: any number."
    )
    logging_level: Level = LEFT_OUT
    mini_batch_size: Number = Field(LEFT_OUT, description="Files.")
    output_action: Action = LEFT_OUT
    output_file_name: str = LEFT_OUT
    environment_variables: dict[str, str] = LEFT_OUT
    write_header: bool = Field(LEFT_OUT, description="Left out, it is off, which is Azure’s layout.")
    class_probabilities: bool = LEFT_OUT
    split_size: Number = Field(
        LEFT_OUT, multiple_of=MB, description="Bytes above which a file is divided, whole MB; 0: never."
    )
    pass_through: list[str] = Field(LEFT_OUT, description="Columns of the input beside the predictions.")
    delimiter: str = LEFT_OUT
    quote: str = LEFT_OUT
    encoding: str = LEFT_OUT


class WantedDeployment(Settings):
    description: str = LEFT_OUT
    model: Model = LEFT_OUT
    compute: str = Field(LEFT_OUT, description="azureml:name, or …/computes/name.")
    environment: Environment = LEFT_OUT
    make_default: bool = Field(True, description="Of the endpoint, once it has succeeded.")
    revision: Revision = LEFT_OUT


class DeploymentBody(Asked):
    model_config = examples(EXAMPLE, {"properties": {"miniBatchSize": 20}})
    properties: WantedDeployment
    tags: Tags = LEFT_OUT
    location: str = Field("", description="Taken, and not kept.")


class Retry(Asked):
    model_config = examples({}, {"instead": {"pandas==1.0.0": "pandas==2.2.3"}})
    instead: dict[str, str] = Field({}, description="What the deployment proposes, where you agree to it.")


class ShownModel(Wire):
    reference_type: Literal["Id"] = "Id"
    asset_id: str


class ShownResources(Wire):
    instance_count: int


class ShownRetrySettings(Wire):
    max_retries: int
    timeout: str = Field(description="ISO 8601.")


class ShownEnvironment(Wire):
    python: str
    packages: list[str]
    edited: bool = Field(description="Not as it was generated.")


class DeploymentProperties(Wire):
    description: str
    provisioning_state: State = Field(description="Succeeded and Failed are final.")
    error: str = Field(description="Why it failed.")
    instead: dict[str, str] = Field(
        description="Packages with which it could be built; a retry may agree to them."
    )
    notes: list[str]
    model: ShownModel
    compute: str
    environment: ShownEnvironment
    resources: ShownResources
    max_concurrency_per_instance: int | None
    retry_settings: ShownRetrySettings
    error_threshold: int
    logging_level: str
    mini_batch_size: int
    output_action: str
    output_file_name: str
    environment_variables: dict[str, str]
    write_header: bool
    class_probabilities: bool
    split_size: int
    pass_through: list[str]
    delimiter: str
    quote: str
    encoding: str
    is_default: bool = Field(alias="default")
    finished_at: datetime | None
    revision: int


class DeploymentItem(Wire):
    id: str
    name: str
    type: Literal["batch_deployment"]
    tags: Tags
    properties: DeploymentProperties
    system_data: Authorship


class Log(Wire):
    text: str
    traceback: str


def item(one: Deployment) -> dict[str, Any]:
    settings = settings_of(one.settings).to_dict()
    fields = ("description", "error", "instead", "notes", "finished_at", "revision")
    return {
        "id": reverse("api:deployments_detail", args=[one.endpoint.name, one.name]),
        "name": one.name,
        "type": "batch_deployment",
        "tags": one.tags,
        "properties": {
            **settings,
            **{name: getattr(one, name) for name in fields},
            "provisioning_state": one.status,
            "model": {"asset_id": f"azureml:{one.model_label}"},
            "compute": f"azureml:{one.cluster.name}",
            "environment": {
                "python": one.python_version,
                "packages": one.packages,
                "edited": one.has_own_environment,
            },
            "resources": {"instance_count": settings["instance_count"]},
            "max_concurrency_per_instance": settings["max_concurrency"],
            "retry_settings": {
                "max_retries": settings["max_retries"],
                "timeout": f"PT{settings['timeout']}S",
            },
            "is_default": one.endpoint.default_deployment_id == one.pk,
        },
        "system_data": {
            "created_at": one.created_at,
            "created_by": one.created_by,
            "last_modified_at": one.updated_at,
        },
    }


def answers(asked: DeploymentBody) -> dict[str, Any]:
    """What the body gives, as the fields of the form take it."""
    given = asked.properties.model_dump(
        include=set(Settings.model_fields) | {"description"}, exclude_unset=True
    )
    given |= asked.model_dump(include={"tags"}, exclude_unset=True)
    given |= given.pop("resources", {}) | given.pop("retry_settings", {})
    if "max_concurrency_per_instance" in given:
        given["max_concurrency"] = given.pop("max_concurrency_per_instance")
    if "timeout" in given:
        given["timeout"] = math.ceil(given["timeout"].total_seconds())
    return given
