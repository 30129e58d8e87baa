"""Drafts of *Create deployment*, answered without the browser."""

from typing import Any

from studio.models import Cluster, Draft, ModelVersion

SETTINGS = {
    "output_action": "append_row",
    "output_file_name": "predictions.csv",
    "write_header": "on",
    "mini_batch_size": "10",
    "split_size": "32",
    "max_concurrency": "",
    "max_retries": "3",
    "timeout": "30",
    "error_threshold": "-1",
    "logging_level": "info",
}
DEPLOYMENT = {"name": "first", "make_default": "on", **SETTINGS}


def at(draft: Draft, step: str) -> str:
    return f"/deployments/drafts/{draft.key}/{step}/"


def answered(draft: Draft, version: ModelVersion, cluster: Cluster, **answers: Any) -> Draft:
    """The draft with every step answered."""
    settings = {
        **SETTINGS,
        "split_size": 32 << 20,
        "write_header": True,
        "max_concurrency": None,
        "environment_variables": {},
    }
    numbers = ("mini_batch_size", "max_retries", "timeout", "error_threshold")
    draft.answers = {
        "preset": {},
        "endpoint": {"choice": "new", "name": "titanic", "description": "", "tags": {}},
        "model": {"model_version": version.pk},
        "deployment": {
            **{name: int(value) if name in numbers else value for name, value in settings.items()},
            "name": "first",
            "description": "",
            "tags": {},
            "make_default": True,
        },
        "environment": {},
        "compute": {"cluster": cluster.pk, "instance_count": 1},
        **answers,
    }
    draft.save()
    return draft
