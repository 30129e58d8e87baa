"""Who may ask for each operation of the API, and what of its token's scope it takes. A new operation needs a line in
ACCESS, and one in EXAMPLES where it has parts or a body."""

from typing import Any, NamedTuple

from tests.pages.access import Who


class Needs(NamedTuple):
    who: Who
    scope: str
    owned: bool = False  # a Data scientist may only what is their own, or nobody's


READ = Needs(Who.READER, "read")
RUN = Needs(Who.DATA_SCIENTIST, "run")
RUN_OWN = Needs(Who.DATA_SCIENTIST, "run", owned=True)
MANAGE = Needs(Who.DATA_SCIENTIST, "manage")
MANAGE_OWN = Needs(Who.DATA_SCIENTIST, "manage", owned=True)
OWN_TOKENS = Needs(Who.READER, "manage")
ADMINISTER = Needs(Who.ADMINISTRATOR, "manage")

ACCESS: dict[str, Needs] = {
    "models_index": READ,
    "models_detail": READ,
    "models_edit": MANAGE,
    "models_delete": MANAGE,
    "models_versions": READ,
    "models_register": MANAGE,
    "models_upload": MANAGE,
    "models_registration": READ,
    "models_version_detail": READ,
    "models_edit_version": MANAGE,
    "models_set_aliases": MANAGE,
    "models_delete_version": MANAGE,
    "models_artifacts": READ,
    "models_download": READ,
    "endpoints_index": READ,
    "endpoints_detail": READ,
    "endpoints_save": MANAGE_OWN,
    "endpoints_delete": MANAGE_OWN,
    "deployments_index": READ,
    "deployments_detail": READ,
    "deployments_save": MANAGE_OWN,
    "deployments_delete": MANAGE_OWN,
    "deployments_retry": MANAGE_OWN,
    "deployments_log": READ,
    "data_index": READ,
    "data_detail": READ,
    "data_edit": RUN_OWN,
    "data_archive": RUN_OWN,
    "data_restore": RUN_OWN,
    "data_delete": RUN_OWN,
    "data_versions": READ,
    "data_new": RUN,  # of the name of another person's asset it is refused as a wrong name
    "data_upload": RUN,
    "data_version_detail": READ,
    "data_files": READ,
    "data_explore": READ,
    "data_download": READ,
    "datastores_index": READ,
    "datastores_new": ADMINISTER,
    "datastores_detail": READ,
    "datastores_unregister": ADMINISTER,
    "datastores_credentials": ADMINISTER,
    "datastores_set_default": ADMINISTER,
    "datastores_access": RUN,
    "datastores_browse": READ,
    "datastores_upload": RUN,
    "datastores_download": READ,
    "datastores_new_folder": RUN,
    "compute_index": READ,
    "compute_new": ADMINISTER,
    "compute_detail": READ,
    "compute_edit": ADMINISTER,
    "compute_start": ADMINISTER,
    "compute_stop": ADMINISTER,
    "compute_delete": ADMINISTER,
    "compute_nodes": READ,
    "compute_drain": ADMINISTER,
    "tokens_index": READ,
    "tokens_new": OWN_TOKENS,
    "tokens_detail": READ,
    "tokens_revoke": OWN_TOKENS,
    "people_index": ADMINISTER,
    "people_invite": ADMINISTER,
    "people_detail": ADMINISTER,
    "people_change_role": ADMINISTER,
    "people_renew_link": ADMINISTER,
    "people_deactivate": ADMINISTER,
    "people_reactivate": ADMINISTER,
    "audit_index": ADMINISTER,
    "audit_export": ADMINISTER,
    "invoke_invoke": RUN,
    "invoke_index": READ,
    "invoke_detail": READ,
    "jobs_index": READ,
    "jobs_statistics": READ,
    "jobs_detail": READ,
    "jobs_rename": RUN_OWN,
    "jobs_cancel": RUN_OWN,
    "jobs_retry": RUN,
    "jobs_delete": RUN_OWN,
    "job_results_index": READ,
    "job_results_download": READ,
    "job_results_logs": READ,
    "job_results_log": READ,
    "job_results_minibatches": READ,
    "job_results_errors": READ,
    "job_results_summary": READ,
    "job_results_files": READ,
}

# Parts of the address and the body, with `{names}` of the rows that test_access.py makes.
MODEL = {"name": "{model}"}
VERSION = {"name": "{model}", "version": 1}
ENDPOINT = {"name": "{endpoint}"}
DEPLOYMENT = {"endpoint": "{endpoint}", "name": "{deployment}"}
ASSET = {"name": "{asset}"}
DATASTORE = {"name": "{datastore}"}
CLUSTER = {"name": "{cluster}"}
PERSON = {"username": "{person}"}
EXAMPLES: dict[str, dict[str, Any]] = {
    "models_detail": MODEL,
    "models_edit": {**MODEL, "body": {"tags": {}}},
    "models_delete": MODEL,
    "models_versions": MODEL,
    "models_register": {**MODEL, "body": {"runId": "1" * 32}},
    "models_upload": {"name": "more", "form": {}, "file": ["MLmodel", "flavors: {}"]},
    "models_registration": {"number": "{registration}"},
    "models_version_detail": VERSION,
    "models_edit_version": {**VERSION, "body": {"tags": {}}},
    "models_set_aliases": {**VERSION, "body": {"aliases": []}},
    "models_delete_version": VERSION,
    "models_artifacts": VERSION,
    "models_download": {**VERSION, "?": "path=MLmodel"},
    "endpoints_detail": ENDPOINT,
    "endpoints_save": {**ENDPOINT, "body": {"tags": {}}},
    "endpoints_delete": ENDPOINT,
    "deployments_index": {"endpoint": "{endpoint}"},
    "deployments_detail": DEPLOYMENT,
    "deployments_save": {**DEPLOYMENT, "body": {"properties": {}}},
    "deployments_delete": DEPLOYMENT,
    "deployments_retry": {**DEPLOYMENT, "body": {}},
    "deployments_log": DEPLOYMENT,
    "data_detail": ASSET,
    "data_edit": {**ASSET, "body": {"tags": {}}},
    "data_archive": ASSET,
    "data_restore": ASSET,
    "data_delete": ASSET,
    "data_versions": ASSET,
    "data_new": {
        "name": "more",
        "body": {"type": "uri_folder", "datastore": "{datastore}", "path": "{folder}"},
    },
    "data_upload": {"name": "more", "form": {"type": "uri_file"}},
    "data_version_detail": {**ASSET, "version": 1},
    "data_files": {**ASSET, "version": 1},
    "data_explore": {**ASSET, "version": 1},
    "data_download": {**ASSET, "version": 1},
    "datastores_new": {"body": {"name": "more", "kind": "local", "options": {"root": "{free}"}}},
    "datastores_detail": DATASTORE,
    "datastores_unregister": DATASTORE,
    "datastores_credentials": {**DATASTORE, "body": {"credentials": {}}},
    "datastores_set_default": DATASTORE,
    "datastores_access": DATASTORE,
    "datastores_browse": DATASTORE,
    "datastores_upload": {**DATASTORE, "form": {"replace": "true"}},
    "datastores_download": {**DATASTORE, "?": "path={folder}/a.csv"},
    "datastores_new_folder": {**DATASTORE, "body": {"path": "{folder}", "name": "more"}},
    "compute_new": {"body": {"name": "more", "slots": 1, "memoryGb": 1}},
    "compute_detail": CLUSTER,
    "compute_edit": {**CLUSTER, "body": {"maxNodes": 2}},
    "compute_start": CLUSTER,
    "compute_stop": CLUSTER,
    "compute_delete": CLUSTER,
    "compute_nodes": CLUSTER,
    "compute_drain": {**CLUSTER, "node": "{node}"},
    "tokens_new": {"body": {"name": "more"}},
    "tokens_detail": {"number": "{token}"},
    "tokens_revoke": {"number": "{token}"},
    "people_invite": {"body": {"username": "more"}},
    "people_detail": PERSON,
    "people_change_role": {**PERSON, "body": {"role": "Reader"}},
    "people_renew_link": PERSON,
    "people_deactivate": PERSON,
    "people_reactivate": PERSON,
    "invoke_invoke": {
        "name": "{endpoint}",
        "body": {
            "properties": {
                "InputData": {
                    "data": {
                        "JobInputType": "UriFolder",
                        "Uri": "azureml://datastores/{datastore}/paths/{folder}",
                    }
                }
            }
        },
    },
    "invoke_index": {"name": "{endpoint}"},
    "invoke_detail": {"name": "{endpoint}", "job": "{job}"},
    "jobs_detail": {"name": "{job}"},
    "jobs_rename": {"name": "{job}", "body": {"displayName": "calm_sea"}},
    "jobs_cancel": {"name": "{job}"},
    "jobs_retry": {"name": "{job}"},
    "jobs_delete": {"name": "{job}"},
    "job_results_index": {"name": "{job}"},
    "job_results_download": {"name": "{job}", "file": "predictions.csv"},
    "job_results_logs": {"name": "{job}"},
    "job_results_log": {"name": "{job}", "path": "logs/readme.txt"},
    "job_results_minibatches": {"name": "{job}"},
    "job_results_errors": {"name": "{job}"},
    "job_results_summary": {"name": "{job}"},
    "job_results_files": {"name": "{job}"},
}
