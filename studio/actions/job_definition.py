"""A job as data: its record as Azure's JSON has it, and a definition with which it can be run again."""

import json
from typing import Any

import yaml

from scoring.settings import OVERRIDABLE, ScoringSettings
from studio.models import Job

TYPE = "ScoringStudio/batchEndpoints/jobs"


def outline(*, job: Job) -> dict[str, Any]:
    """What a list of jobs has read of each, in Azure's envelope."""
    return {
        "name": job.name,
        "type": TYPE,
        "properties": {
            "displayName": job.display_name,
            "status": job.status,
            "endpointName": job.endpoint_name,
            "deploymentName": job.deployment_name,
            "model": job.model_label,
            "compute": job.cluster_name,
            "startTime": _moment(job.started_at),
            "endTime": _moment(job.finished_at),
            "durationSeconds": job.duration if job.is_finished else None,
            "counts": _counts(job),
            "waitingFor": job.waiting_for,
        },
        "systemData": {
            "createdAt": _moment(job.created_at),
            "createdBy": job.created_by.get_username() if job.created_by else None,
        },
    }


def record(*, job: Job) -> dict[str, Any]:
    """Everything that the studio has noted about the job. Without environment variables."""
    known = outline(job=job)
    return {
        **known,
        "properties": {
            **known["properties"],
            "modelUri": job.spec.get("model_uri", ""),
            "InputData": {"input": {"JobInputType": "UriFolder", "Uri": _input(job)}},
            "OutputData": {"score": {"JobOutputType": "UriFolder", "Uri": _output(job)}},
            "settings": {
                _camel(name): {"value": value, "from": job.setting_origins.get(name, "")}
                for name, value in _settings(job).items()
            },
            "environment": job.spec.get("environment", {}),
            "signature": job.spec.get("signature"),
            "error": _error(job),
            "outputs": job.outputs,
            "summary": job.summary,
            "repeatedRequests": job.repeated_requests or {},
            "resubmitOf": job.resubmit_of.name if job.resubmit_of else None,
            "retryOf": job.retry_of.name if job.retry_of else None,
        },
    }


def record_text(*, job: Job) -> str:
    return json.dumps(record(job=job), indent=2, ensure_ascii=False) + "\n"


def definition(*, job: Job) -> dict[str, Any]:
    """What a person answered: endpoint, deployment, input, and only the settings that are the job's own.

    The output is left out where it was the default location, which belongs to one job alone.
    """
    own = {name for name, origin in job.setting_origins.items() if origin == "job"}
    overrides = {name: job.settings[name] for name in OVERRIDABLE if name in own and name in job.settings}
    found: dict[str, Any] = {
        "type": "batch_scoring",
        "endpoint": job.endpoint_name,
        "deployment": job.deployment_name,
        "inputs": {"input": {"type": "uri_folder", "path": _input(job)}},
    }
    if job.output_path != f"azureml/{job.name}/score":
        found["outputs"] = {"score": {"type": "uri_folder", "path": _output(job)}}
    if overrides:
        found["overrides"] = overrides
    return found


def definition_text(*, job: Job) -> str:
    text: str = yaml.safe_dump(definition(job=job), sort_keys=False, allow_unicode=True, width=1000)
    return text


def _settings(job: Job) -> dict[str, Any]:
    names = [name for name in ScoringSettings().to_dict() if name != "environment_variables"]
    return {name: job.settings[name] for name in names if name in job.settings}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.title() for word in others)


def _input(job: Job) -> str:
    if job.input_asset:
        return f"azureml:{job.input_asset}"
    if job.input_datastore is None or job.input_datastore.is_address:
        return job.input_label
    return _path(job.input_datastore.name, job.input_path)


def _output(job: Job) -> str:
    return _path(job.output_datastore_name, job.output_path)


def _path(datastore: str, path: str) -> str:
    return f"azureml://datastores/{datastore}/paths/{path}"


def _moment(moment: Any) -> str | None:
    return moment.isoformat() if moment else None


def _counts(job: Job) -> dict[str, int]:
    return {
        "files": job.files_total,
        "failedFiles": job.files_failed,
        "bytes": job.bytes_total,
        "miniBatches": job.minibatches_total,
        "completedMiniBatches": job.minibatches_done - job.minibatches_failed,
        "failedMiniBatches": job.minibatches_failed,
        "rows": job.rows_scored,
        "failedRows": job.rows_failed,
    }


def _error(job: Job) -> dict[str, str] | None:
    if not job.error:
        return None
    return {"message": job.error, "input": job.error_input, "traceback": job.traceback}
