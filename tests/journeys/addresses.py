"""An example of every address of the studio, for the journeys that look at every page.

A new address needs a line here: what its parts are, with `{names}` of the rows that `rows()` finds in the running
studio, and `?` for its query. NO_PAGE is what only takes forms, or answers with a file or another address.
"""

from collections.abc import Iterator
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver, reverse

NO_PAGE: list[dict[str, str]] = []
MODEL = {"name": "{model}"}
VERSION = {"name": "{model}", "version": "{version}"}
ENDPOINT = {"name": "{endpoint}"}
DEPLOYMENT = {"name": "{endpoint}", "deployment": "{deployment}"}
JOB = {"name": "{job}"}
ASSET = {"name": "{asset}"}
CLUSTER = {"name": "{cluster}"}
DATASTORE = {"name": "{datastore}"}

ADDRESSES: dict[str, list[dict[str, str]]] = {
    "home": [{}],
    "account": [{}],
    "preferences": NO_PAGE,
    "password": NO_PAGE,
    "audit:index": [{}, {"?": "search=zzzz"}],
    "audit:export": NO_PAGE,
    "people:index": [{}, {"?": "search=zzzz"}],
    "people:invite": [{}],
    "people:change_role_selected": [{"?": "selected={person}"}],
    "people:renew_link_selected": [{"?": "selected={person}"}],
    "people:deactivate_selected": [{"?": "selected={person}"}],
    "people:reactivate_selected": [{"?": "selected={person}"}],
    "people:change_role": [{"number": "{person}"}],
    "people:renew_link": [{"number": "{person}"}],
    "people:deactivate": [{"number": "{person}"}],
    "people:reactivate": [{"number": "{person}"}],
    "oidc": NO_PAGE,  # leads to the provider, and back to the sign-in
    "oidc_callback": NO_PAGE,
    "oidc_connect": [{}],
    "oidc_disconnect": [{}],
    "welcome": [{"uidb64": "MQ", "token": "none"}],
    "notices:index": [{}],
    "notices:news": NO_PAGE,
    "tokens:index": [{}],
    "tokens:new": [{}],
    "tokens:revoke": [{"number": "{token}"}],
    "login": NO_PAGE,  # looked at on its own, signed out
    "logout": NO_PAGE,
    "ui:theme": NO_PAGE,
    "api_docs": [{}],
    "api_document": NO_PAGE,
    "mlflow": NO_PAGE,  # MLflow's API
    "help:index": [{}, {"?": "search=signature"}, {"?": "search=zzzz"}],
    "help:topic": [
        {"topic": topic}
        for topic in (
            "start",
            "models",
            "endpoints",
            "environments",
            "jobs",
            "data",
            "compute",
            "predictions",
            "notebook",
            "people",
            "tokens",
            "rest",
            "keyboard",
        )
    ],
    "help:troubleshooting": [{}, {"?": "sentence=MLflow+at+x+does+not+answer:+refused"}],
    "compute:index": [{}, {"?": "search=zzzz"}],
    "compute:new": [{}],
    "compute:start_selected": NO_PAGE,
    "compute:stop_selected": [{"?": "selected={cluster}"}],
    "compute:delete_selected": [{"?": "selected={cluster}"}],
    "compute:detail": [CLUSTER],
    "compute:nodes": [CLUSTER],
    "compute:drain": [{**CLUSTER, "node": "{node}"}],
    "compute:jobs": [CLUSTER],
    "compute:edit": [CLUSTER],
    "compute:start": NO_PAGE,
    "compute:stop": [CLUSTER],
    "compute:delete": [CLUSTER],
    "data:index": [{}, {"?": "search=zzzz"}],
    "data:new": [{}],
    "data:check_name": NO_PAGE,
    "data:check_address": NO_PAGE,  # beside the form
    "data:browse": [{"?": "datastore={datastore}"}],
    "data:delete_selected": [{"?": "selected={asset}"}],
    "data:detail": [ASSET],
    "data:explore": [ASSET],
    "data:picture": NO_PAGE,
    "data:versions": [ASSET],
    "data:jobs": [ASSET],
    "data:edit": [ASSET],
    "data:archive": [ASSET],
    "data:delete": [ASSET],
    "datastores:index": [{}, {"?": "search=zzzz"}],
    "datastores:new": [{}, {"?": "kind=s3"}, {"?": "kind=azure"}, {"?": "kind=gcs"}, {"?": "kind=sftp"}],
    "datastores:access_selected": [{"?": "selected={datastore}"}],
    "datastores:set_default_selected": [{"?": "selected={datastore}"}],
    "datastores:unregister_selected": [{"?": "selected={datastore}"}],
    "datastores:detail": [DATASTORE],
    "datastores:browse": [DATASTORE],
    "datastores:download": NO_PAGE,
    "datastores:picture": NO_PAGE,
    "datastores:upload": NO_PAGE,
    "datastores:new_folder": NO_PAGE,
    "datastores:access": [DATASTORE],
    "datastores:credentials": [DATASTORE],
    "datastores:set_default": [DATASTORE],
    "datastores:unregister": [DATASTORE],
    "uploads:begin": NO_PAGE,
    "uploads:piece": NO_PAGE,
    "models:index": [{}, {"?": "search=zzzz"}],
    "models:refresh": NO_PAGE,
    "models:delete_selected": [{"?": "selected={model}"}],
    "models:register_files": [{}],
    "models:register_run": [{}],
    "models:check_name": NO_PAGE,
    "models:registration": NO_PAGE,  # made by registering; its journey looks at it
    "models:detail": [MODEL],
    "models:edit": [MODEL],
    "models:delete": [MODEL],
    "models:versions": [MODEL],
    "models:version": [VERSION],
    "models:edit_version": [VERSION],
    "models:aliases": [VERSION],
    "models:delete_version": [VERSION],
    "models:artifacts": [VERSION],
    "models:download_artifact": NO_PAGE,
    "models:endpoints": [VERSION],
    "models:jobs": [VERSION],
    "endpoints:index": [{}, {"?": "search=zzzz"}],
    "endpoints:delete_selected": [{"?": "selected={endpoint}"}],
    "endpoints:detail": [ENDPOINT],
    "endpoints:edit": [ENDPOINT],
    "endpoints:delete": [ENDPOINT],
    "endpoints:jobs": [ENDPOINT],
    "endpoints:update_default": [ENDPOINT],
    "endpoints:deployment": [DEPLOYMENT],
    "endpoints:retry": NO_PAGE,
    "endpoints:edit_deployment": [DEPLOYMENT],
    "endpoints:delete_deployment": [DEPLOYMENT],
    "endpoints:make_default": NO_PAGE,
    "drafts:discard": [{"key": "{deployment_draft}"}],
    "deployments:new": NO_PAGE,  # leads to the first step
    "deployments:new_cluster": [{"key": "{deployment_draft}"}],
    "deployments:step": [
        {"key": "{deployment_draft}", "step": step}
        for step in ("endpoint", "model", "deployment", "environment", "compute", "review")
    ],
    "jobs:index": [{}, {"?": "search=zzzz"}],
    "jobs:new": [{}],
    "jobs:check_input": NO_PAGE,  # a part of the step
    "jobs:browse_input": [{"key": "{job_draft}"}],
    "jobs:cancel_selected": [{"?": "selected={job}"}],
    "jobs:delete_selected": [{"?": "selected={job}"}],
    "jobs:metrics": [JOB],
    "jobs:metrics_download": NO_PAGE,
    "jobs:minibatches": [JOB, {**JOB, "?": "state=failed"}],
    "jobs:errors": [JOB],
    "jobs:files": [JOB],
    "jobs:files_download": NO_PAGE,
    "jobs:step": [{"key": "{job_draft}", "step": step} for step in ("settings", "input", "output", "review")],
    "jobs:trials:new": NO_PAGE,
    "jobs:trials:detail": NO_PAGE,
    "jobs:detail": [JOB],
    "jobs:cancel": [JOB],
    "jobs:rename": [JOB],
    "jobs:resubmit": NO_PAGE,
    "jobs:retry": [JOB],
    "jobs:delete": [JOB],
    "jobs:record": [JOB],
    "jobs:definition": [JOB],
    "jobs:log": [{**JOB, "?": "path=logs/readme.txt"}],
    "jobs:log_download": NO_PAGE,
    "jobs:outputs": [JOB],
    "jobs:preview": [{**JOB, "?": "file=predictions.csv"}],
    "jobs:download": NO_PAGE,
}


def names(patterns: Any = None, namespace: str = "") -> Iterator[str]:
    """Every name that the studio's URL table gives; those of the REST API stand in tests/api/access.py."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLResolver):
            if one.namespace == "api":
                continue
            inner = f"{namespace}{one.namespace}:" if one.namespace else namespace
            yield from names(one.url_patterns, inner)
        elif isinstance(one, URLPattern) and one.name:
            yield namespace + one.name


def address(name: str, example: dict[str, str], rows: dict[str, str]) -> str:
    parts = {key: value.format(**rows) for key, value in example.items()}
    query = parts.pop("?", "")
    return reverse(name, kwargs=parts) + (f"?{query}" if query else "")
