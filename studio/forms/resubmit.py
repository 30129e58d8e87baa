"""*Resubmit*: the answers of a job that was, as the wizard would have kept them."""

from typing import Any

from studio.actions import display_names
from studio.forms.job_answers import DATASET, DATASTORE
from studio.models import Job


def answers_of(job: Job) -> dict[str, Any]:
    """`Draft.answers` as forms/job_answers.py describes them; what was deleted since is asked for by its step.

    The output goes to the default location: that of the job is taken.
    """
    own = {name for name, origin in job.setting_origins.items() if origin == "job"}
    overrides = {name: job.settings[name] for name in own - {"pass_through"} if name in job.settings}
    chosen = _input(job)
    if "pass_through" in own:
        chosen["pass_through"] = job.settings.get("pass_through", [])
    return {
        "endpoint": job.endpoint_id,
        "preset": {"deployment": job.deployment_id, "input": {}},
        "resubmit_of": job.pk,
        "settings": {
            "deployment": job.deployment_id,
            # The same for every press of the command, so that they all lead to one draft.
            "display_name": display_names.generate(f"{job.name} {job.resubmits.count()}"),
            "override": bool(overrides),
            **overrides,
        },
        "input": chosen,
        "output": {"enable": False, "output_datastore": None, "output_path": ""},
    }


def _input(job: Job) -> dict[str, Any]:
    if job.input_asset:
        return {"source": DATASET, "dataset": job.input_asset.asset_id, "asset_version": job.input_asset_id}
    if job.input_datastore and job.input_datastore.is_address:
        return {"source": DATASTORE, "address": job.input_datastore_id, "path": job.input_datastore.location}
    # The label of an asset's job names the asset, also once that is deleted.
    if job.input_label.endswith(f" / {job.input_path}"):
        return {"source": DATASTORE, "datastore": job.input_datastore_id, "path": job.input_path}
    return {"source": DATASET, "dataset": None, "asset_version": None}
