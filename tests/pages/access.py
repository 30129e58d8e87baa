"""Who may ask for each address of the studio, and who may send a form to it. A new address needs a line here."""

from enum import IntEnum
from typing import NamedTuple

from studio.models import Role


class Who(IntEnum):
    """From everybody to nobody: each may do what those before may."""

    EVERYBODY = 0
    READER = 1
    DATA_SCIENTIST = 2
    ADMINISTRATOR = 3
    NOBODY = 4


ROLES = {
    Who.READER: Role.READER,
    Who.DATA_SCIENTIST: Role.DATA_SCIENTIST,
    Who.ADMINISTRATOR: Role.ADMINISTRATOR,
}


class Access(NamedTuple):
    get: Who
    post: Who


OPEN = Access(Who.EVERYBODY, Who.EVERYBODY)
LOOK = Access(Who.READER, Who.NOBODY)
OWN = Access(Who.READER, Who.READER)
SEND_OWN = Access(Who.NOBODY, Who.READER)
WORK = Access(Who.DATA_SCIENTIST, Who.DATA_SCIENTIST)
WORK_LOOK = Access(Who.DATA_SCIENTIST, Who.NOBODY)
WORK_SEND = Access(Who.NOBODY, Who.DATA_SCIENTIST)
ADMINISTER_LOOK = Access(Who.ADMINISTRATOR, Who.NOBODY)
ADMINISTER = Access(Who.ADMINISTRATOR, Who.ADMINISTRATOR)

# Open to API tokens as well; every other address takes no notice of one.
TAKES_TOKENS = {
    "api_document",
    "datastores:download",
    "models:download_artifact",
    "jobs:metrics_download",
    "jobs:log_download",
    "jobs:download",
    "jobs:files_download",
    "mlflow",
}
# Of these the one that also lets a token act: it asks browsers for their token by itself.
TAKES_TOKENS_TO_ACT = {"mlflow"}
ACCESS: dict[str, Access] = {
    "home": LOOK,
    "account": LOOK,
    "preferences": SEND_OWN,
    "password": SEND_OWN,
    "audit:index": ADMINISTER_LOOK,
    "audit:export": ADMINISTER_LOOK,
    "people:index": ADMINISTER_LOOK,
    "people:invite": ADMINISTER,
    "people:change_role": ADMINISTER,
    "people:renew_link": ADMINISTER,
    "people:deactivate": ADMINISTER,
    "people:reactivate": ADMINISTER,
    "people:change_role_selected": ADMINISTER,
    "people:renew_link_selected": ADMINISTER,
    "people:deactivate_selected": ADMINISTER,
    "people:reactivate_selected": ADMINISTER,
    "oidc": Access(Who.EVERYBODY, Who.NOBODY),
    "oidc_callback": Access(Who.EVERYBODY, Who.NOBODY),
    "oidc_connect": OWN,
    "oidc_disconnect": OWN,
    "welcome": OPEN,
    "notices:index": LOOK,
    "notices:news": LOOK,
    "tokens:index": LOOK,
    "tokens:new": OWN,
    "tokens:revoke": OWN,
    "login": OPEN,
    "logout": Access(Who.NOBODY, Who.READER),
    "ui:theme": Access(Who.NOBODY, Who.EVERYBODY),
    "api_docs": LOOK,
    "api_document": LOOK,
    "mlflow": Access(Who.READER, Who.DATA_SCIENTIST),
    "help:index": LOOK,
    "help:topic": LOOK,
    "help:troubleshooting": LOOK,
    "compute:index": LOOK,
    "compute:new": ADMINISTER,
    "compute:start_selected": ADMINISTER,
    "compute:stop_selected": ADMINISTER,
    "compute:delete_selected": ADMINISTER,
    "compute:detail": LOOK,
    "compute:nodes": LOOK,
    "compute:drain": ADMINISTER,
    "compute:jobs": LOOK,
    "compute:edit": ADMINISTER,
    "compute:start": ADMINISTER,
    "compute:stop": ADMINISTER,
    "compute:delete": ADMINISTER,
    "data:index": LOOK,
    "data:new": WORK,
    "data:check_name": LOOK,
    "data:check_address": WORK_SEND,
    "data:browse": OWN,
    "data:delete_selected": WORK,
    "data:detail": LOOK,
    "data:explore": LOOK,
    "data:picture": LOOK,
    "data:archive": WORK,
    "data:versions": LOOK,
    "data:jobs": LOOK,
    "data:edit": WORK,
    "data:delete": WORK,
    "datastores:index": LOOK,
    "datastores:new": ADMINISTER,
    "datastores:access_selected": WORK,
    "datastores:set_default_selected": ADMINISTER,
    "datastores:unregister_selected": ADMINISTER,
    "datastores:detail": LOOK,
    "datastores:browse": LOOK,
    "datastores:download": LOOK,
    "datastores:picture": LOOK,
    "datastores:upload": WORK,
    "datastores:new_folder": WORK,
    "datastores:access": WORK,
    "datastores:credentials": ADMINISTER,
    "datastores:set_default": ADMINISTER,
    "datastores:unregister": ADMINISTER,
    "uploads:begin": WORK_SEND,
    "uploads:piece": WORK_SEND,
    "models:index": LOOK,
    "models:refresh": SEND_OWN,  # asks MLflow what it has; changes nothing
    "models:delete_selected": WORK_LOOK,
    "models:register_files": WORK,
    "models:register_run": WORK,
    "models:check_name": LOOK,
    "models:registration": LOOK,
    "models:detail": LOOK,
    "models:edit": WORK,
    "models:delete": WORK,
    "models:versions": LOOK,
    "models:version": LOOK,
    "models:edit_version": WORK,
    "models:aliases": WORK,
    "models:delete_version": WORK,
    "models:artifacts": LOOK,
    "models:download_artifact": LOOK,
    "models:endpoints": LOOK,
    "models:jobs": LOOK,
    "endpoints:index": LOOK,
    "endpoints:delete_selected": WORK_LOOK,
    "endpoints:detail": LOOK,
    "endpoints:edit": WORK,
    "endpoints:delete": WORK,
    "endpoints:jobs": LOOK,
    "endpoints:update_default": WORK,
    "endpoints:deployment": LOOK,
    "endpoints:retry": WORK_SEND,
    "endpoints:edit_deployment": WORK,
    "endpoints:delete_deployment": WORK,
    "endpoints:make_default": WORK_SEND,
    "drafts:discard": OWN,
    "deployments:new": WORK_LOOK,
    "deployments:new_cluster": ADMINISTER,
    "deployments:step": WORK,
    "jobs:index": LOOK,
    "jobs:new": WORK_LOOK,
    "jobs:check_input": WORK,
    "jobs:browse_input": WORK,
    "jobs:cancel_selected": WORK,
    "jobs:delete_selected": WORK,
    "jobs:metrics": LOOK,
    "jobs:metrics_download": LOOK,
    "jobs:minibatches": LOOK,
    "jobs:errors": LOOK,
    "jobs:step": WORK,
    "jobs:trials:new": WORK_SEND,
    "jobs:trials:detail": WORK_LOOK,
    "jobs:detail": LOOK,
    "jobs:cancel": WORK,
    "jobs:rename": WORK,
    "jobs:resubmit": WORK_LOOK,
    "jobs:retry": WORK,
    "jobs:delete": WORK,
    "jobs:files": LOOK,
    "jobs:files_download": LOOK,
    "jobs:record": LOOK,
    "jobs:definition": LOOK,
    "jobs:log": LOOK,
    "jobs:log_download": LOOK,
    "jobs:outputs": LOOK,
    "jobs:preview": LOOK,
    "jobs:download": LOOK,
}
