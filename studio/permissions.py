"""What a person may do to a thing. `check_can_x` raises the reason; `can` turns that into a yes or the reason."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.utils.translation import gettext as _

from studio.errors import NotAllowed
from studio.models import Deployment, Endpoint, Job, ModelVersion

Person = User | AnonymousUser


def reason_against(check: Callable[..., None], *args: Any) -> str:
    """Why `check` refuses; empty when it does not. A page disables the command with it."""
    try:
        check(*args)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


def _signed_in(user: Person) -> None:
    if not user.is_authenticated:
        raise NotAllowed(_("Sign in first."))


def check_can_create_endpoint(user: Person) -> None:
    _signed_in(user)


def check_can_create_data_asset(user: Person) -> None:
    _signed_in(user)


def check_can_add_deployment(user: Person, endpoint: Endpoint) -> None:
    _signed_in(user)


def check_can_deploy_model(user: Person, version: ModelVersion) -> None:
    _signed_in(user)
    if not version.is_deployable:
        raise NotAllowed(
            version.why_custom or _("This model has no python_function flavor and cannot be deployed.")
        )


def check_can_set_default(user: Person, deployment: Deployment) -> None:
    _signed_in(user)
    if not deployment.is_ready:
        raise NotAllowed(
            _("The deployment “%(name)s” is %(status)s. Only one that has succeeded can be the default.")
            % {"name": deployment.name, "status": deployment.get_status_display()}
        )


def check_can_retry_deployment(user: Person, deployment: Deployment) -> None:
    _signed_in(user)
    if not deployment.is_failed:
        raise NotAllowed(_("Only a deployment that has failed can be tried again."))


def check_can_create_job(user: Person, endpoint: Endpoint) -> None:
    _signed_in(user)
    if not any(deployment.is_ready for deployment in endpoint.deployments.all()):
        raise NotAllowed(
            _("This endpoint has no deployment that has succeeded. Add one, or wait until it is ready.")
        )


def check_can_use_deployment(user: Person, deployment: Deployment) -> None:
    _signed_in(user)
    if deployment.model_version.key != deployment.model_key:
        raise NotAllowed(
            _("The model %(model)s was deleted in MLflow and registered again since. Deploy it again.")
            % {"model": deployment.model_label}
        )
    if not deployment.is_ready:
        raise NotAllowed(
            _("The deployment “%(name)s” is %(status)s and cannot score. Choose one that has succeeded.")
            % {"name": deployment.name, "status": deployment.get_status_display()}
        )


def check_can_cancel_job(user: Person, job: Job) -> None:
    _signed_in(user)
    if not job.is_cancelable:
        raise NotAllowed(
            _("The job is %(status)s and can no longer be canceled.") % {"status": job.get_status_display()}
        )
