"""Examples of parameters, for the OpenAPI document: on a studio with its samples most of what they name is there."""

from typing import Any

from studio.actions import samples
from studio.actions.compute import LOCAL_CLUSTER

OF_PATHS: dict[str, str | int] = {  # by the word that stands before the part
    "models": samples.MODEL,
    "registrations": 1,
    "endpoints": samples.ENDPOINT,
    "deployments": samples.DEPLOYMENT,
    "trials": 1,
    "jobs": "batchjob-1f7c2b9e-7a52-4c0e-9a0b-3f5c2d1e8b64",
    "outputs": "predictions.csv",
    "logs": "logs/readme.txt",
    "data": samples.DATA,
    "versions": 1,
    "datastores": "workspaceblobstore",
    "clusters": LOCAL_CLUSTER,
    "nodes": "node-1",
    "tokens": 1,
    "people": "ada",
}


def give_examples(path: str, parameters: list[dict[str, Any]]) -> None:
    """What must be given has one that clients fill in; what may be left out keeps its own, which is only read."""
    words = path.split("/")
    for one in parameters:
        if one["in"] == "path":
            one["example"] = OF_PATHS[words[words.index(f"{{{one['name']}}}") - 1]]
        elif one["required"]:
            [one["example"]] = one["schema"].pop("examples")
