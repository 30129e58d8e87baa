"""What a person may do to a thing. `check_can_x` raises the reason; `can` turns that into a yes or the reason."""

from collections.abc import Callable
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from studio.errors import NotAllowed
from studio.models import (
    Cluster,
    DataAsset,
    DataAssetVersion,
    Datastore,
    Deployment,
    Endpoint,
    Job,
    ModelVersion,
    Node,
    RegisteredModel,
)
from studio.roles import Person, check_may_administer, check_may_manage, check_may_run, check_owns


def reason_against(check: Callable[..., None], *args: Any) -> str:
    """Why `check` refuses; empty when it does not. A page disables the command with it."""
    try:
        check(*args)
    except NotAllowed as refusal:
        return str(refusal)
    return ""


def check_can_create_endpoint(user: Person) -> None:
    check_may_manage(user)


def check_can_create_data_asset(user: Person) -> None:
    check_may_run(user)


def check_can_edit_data_asset(user: Person, asset: DataAsset) -> None:
    check_may_run(user)
    check_owns(user, asset)


def check_can_add_data_version(user: Person, asset: DataAsset) -> None:
    check_can_edit_data_asset(user, asset)  # whose latest version people choose
    if asset.is_archived:
        raise NotAllowed(
            _("“%(name)s” is archived. Restore it on its page, or choose another name.")
            % {"name": asset.name}
        )


def check_can_archive_data_asset(user: Person, asset: DataAsset) -> None:
    """Or restore it."""
    check_may_run(user)
    check_owns(user, asset)


def check_can_delete_data_asset(user: Person, asset: DataAsset) -> None:
    check_may_run(user)
    check_owns(user, asset)
    job = Job.objects.unfinished().filter(input_asset__asset=asset).first()
    if job:
        raise NotAllowed(
            _("The job %(job)s reads it. Wait for its end, or cancel it.") % {"job": job.display_name}
        )


def check_can_create_datastore(user: Person) -> None:
    check_may_administer(user)


def check_can_write_to_datastore(user: Person, datastore: Datastore) -> None:
    check_may_run(user)


def check_can_set_default_datastore(user: Person, datastore: Datastore) -> None:
    check_may_administer(user)
    if datastore.is_default:
        raise NotAllowed(_("It is the default datastore already."))


def check_can_update_credentials(user: Person, datastore: Datastore) -> None:
    check_may_administer(user)
    if datastore.is_local:
        raise NotAllowed(_("A local folder has no credentials."))


def check_can_unregister_datastore(user: Person, datastore: Datastore) -> None:
    check_may_administer(user)
    if datastore.is_default:
        raise NotAllowed(_("It is the default datastore. Make another one the default first."))
    used = DataAssetVersion.objects.filter(datastore=datastore).select_related("asset").first()
    if used:
        raise NotAllowed(_("The data asset %(asset)s lies in it, so it stays registered.") % {"asset": used})
    uses = Q(input_datastore=datastore) | Q(output_datastore=datastore)
    job = Job.objects.unfinished().filter(uses).first()
    if job:
        raise NotAllowed(
            _("The job %(job)s uses it. Wait for its end, or cancel it.") % {"job": job.display_name}
        )


def check_can_add_deployment(user: Person, endpoint: Endpoint) -> None:
    check_may_manage(user)


def check_can_register_model(user: Person) -> None:
    check_may_manage(user)


def check_can_edit_model(user: Person, model: RegisteredModel) -> None:
    check_may_manage(user)


def check_can_delete_model(user: Person, model: RegisteredModel) -> None:
    check_may_manage(user)
    _not_deployed(list(Deployment.objects.of_model(model)[:2]))


def check_can_delete_model_version(user: Person, version: ModelVersion) -> None:
    check_may_manage(user)
    _not_deployed(list(version.deployments.select_related("endpoint")[:2]))


def _not_deployed(using: list[Deployment]) -> None:
    if using:
        one = f"{using[0].endpoint.name}/{using[0].name}"
        raise NotAllowed(
            _("The deployment %(one)s uses it. Delete that deployment first.") % {"one": one}
            if len(using) == 1
            else _("Deployments use it, among them %(one)s. Delete them first.") % {"one": one}
        )


def check_can_deploy_model(user: Person, version: ModelVersion) -> None:
    check_may_manage(user)
    if not version.is_deployable:
        raise NotAllowed(
            version.why_custom or _("This model has no python_function flavor and cannot be deployed.")
        )


def check_can_replace_default(user: Person, endpoint: Endpoint) -> None:
    """By a deployment that is being created. The first one becomes the default whoever adds it."""
    if endpoint.default_deployment_id is None:
        return
    try:
        check_owns(user, endpoint)
    except NotAllowed as refusal:
        raise NotAllowed(
            _(
                "The default deployment of %(endpoint)s stays. %(reason)s "
                "Create yours without making it the default."
            )
            % {"endpoint": endpoint.name, "reason": refusal}
        ) from refusal


def check_can_set_default(user: Person, deployment: Deployment) -> None:
    check_may_manage(user)
    check_owns(user, deployment.endpoint)
    if not deployment.is_ready:
        raise NotAllowed(
            _("The deployment “%(name)s” is %(status)s. Only one that has succeeded can be the default.")
            % {"name": deployment.name, "status": deployment.get_status_display()}
        )


def check_can_retry_deployment(user: Person, deployment: Deployment) -> None:
    check_may_manage(user)
    check_owns(user, deployment)
    if not deployment.is_failed:
        raise NotAllowed(_("Only a deployment that has failed can be tried again."))


def check_can_edit_endpoint(user: Person, endpoint: Endpoint) -> None:
    check_may_manage(user)
    check_owns(user, endpoint)


def check_can_edit_deployment(user: Person, deployment: Deployment) -> None:
    check_may_manage(user)
    check_owns(user, deployment)


def check_can_delete_deployment(user: Person, deployment: Deployment) -> None:
    check_may_manage(user)
    check_owns(user, deployment)
    endpoint = deployment.endpoint
    if endpoint.default_deployment_id == deployment.pk and len(endpoint.deployments.all()) > 1:
        raise NotAllowed(_("It is the default deployment. Make another one the default first."))
    _nothing_runs(deployment.unfinished_jobs)


def check_can_delete_endpoint(user: Person, endpoint: Endpoint) -> None:
    check_may_manage(user)
    check_owns(user, endpoint)
    _nothing_runs(endpoint.unfinished_jobs)


def _nothing_runs(jobs: list[Job]) -> None:
    if len(jobs) == 1:
        raise NotAllowed(
            _("The job %(job)s has not ended. Wait for its end, or cancel it.")
            % {"job": jobs[0].display_name}
        )
    if jobs:
        names = ", ".join(job.display_name for job in jobs[:3])
        raise NotAllowed(
            _("%(count)s jobs have not ended: %(jobs)s. Wait for their end, or cancel them.")
            % {"count": len(jobs), "jobs": names if len(jobs) <= 3 else f"{names} …"}
        )


def check_can_create_job(user: Person, endpoint: Endpoint) -> None:
    check_may_run(user)
    if not any(deployment.is_ready for deployment in endpoint.deployments.all()):
        raise NotAllowed(
            _("This endpoint has no deployment that has succeeded. Add one, or wait until it is ready.")
        )


def check_can_use_deployment(user: Person, deployment: Deployment) -> None:
    check_may_run(user)
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
    check_may_run(user)
    check_owns(user, job)
    if not job.is_cancelable:
        raise NotAllowed(
            _("The job is %(status)s and can no longer be canceled.") % {"status": job.get_status_display()}
        )


def check_can_rename_job(user: Person, job: Job) -> None:
    check_may_run(user)
    check_owns(user, job)


def check_can_resubmit_job(user: Person, job: Job) -> None:
    check_may_run(user)
    if job.endpoint_id is None:
        raise NotAllowed(
            _("The endpoint %(name)s was deleted. Create a job on another endpoint.")
            % {"name": job.endpoint_name}
        )


def check_can_retry_job(user: Person, job: Job) -> None:
    check_may_run(user)
    if not job.is_finished:
        raise NotAllowed(_("The job has not ended. Wait for its end, or cancel it."))
    if job.is_canceled:
        raise NotAllowed(_("The job was canceled, and what it had scored was thrown away. Resubmit it."))
    if job.is_completed and not job.has_unscored:
        raise NotAllowed(
            _(
                "All mini-batches completed: rows that could not be scored would fail again. Mend them, and resubmit."
            )
            if job.rows_failed
            else _("Nothing of this job has failed.")
        )
    if not job.minibatches_total:
        raise NotAllowed(_("The job failed before its mini-batches were planned. Resubmit it."))
    if job.is_failed and job.rows_failed and not job.rows_scored and not job.has_unscored:
        raise NotAllowed(
            _("None of its rows could be scored, and none would be now. Mend the data, and resubmit.")
        )
    if not job.has_parts:
        raise NotAllowed(_("What the job had scored was kept for 30 days and is gone. Resubmit it."))
    if job.cluster_id is None:
        raise NotAllowed(
            _("The cluster %(name)s was deleted. Resubmit the job.") % {"name": job.cluster_name}
        )
    if job.input_datastore_id is None or job.output_datastore_id is None:
        raise NotAllowed(_("A datastore of this job was unregistered. Resubmit the job with another one."))


def check_can_delete_job(user: Person, job: Job) -> None:
    check_may_run(user)
    check_owns(user, job)
    if not job.is_finished:
        raise NotAllowed(
            _("The job is %(status)s. Cancel it first, or wait for its end.")
            % {"status": job.get_status_display()}
        )
    reader = _unfinished_retry(job)
    if reader:
        raise NotAllowed(
            _("The job %(job)s retries it and reads its parts. Wait for the end of that one, or cancel it.")
            % {"job": reader.display_name}
        )


def _unfinished_retry(job: Job) -> Job | None:
    """Also one that retries a retry: it reads the parts of all jobs before it."""
    retries = list(job.retries.all())
    while retries:
        for retry in retries:
            if not retry.is_finished:
                return retry
        retries = list(Job.objects.filter(retry_of__in=retries))
    return None


def check_can_create_cluster(user: Person) -> None:
    check_may_administer(user)


def check_can_edit_cluster(user: Person, cluster: Cluster) -> None:
    check_may_administer(user)


def check_can_start_cluster(user: Person, cluster: Cluster) -> None:
    check_may_administer(user)
    if cluster.is_external and not cluster.is_stopped:
        raise NotAllowed(
            _(
                "The nodes of an external cluster are started where they run; the command is on the cluster’s page."
            )
        )


def check_can_stop_cluster(user: Person, cluster: Cluster) -> None:
    check_may_administer(user)
    if cluster.is_stopped:
        raise NotAllowed(_("The cluster is stopped."))


def check_can_drain_node(user: Person, node: Node) -> None:
    check_may_administer(user)
    if node.is_draining:
        raise NotAllowed(_("This node already finishes what it does, and ends then."))


def check_can_delete_cluster(user: Person, cluster: Cluster) -> None:
    check_may_administer(user)
    using = list(cluster.deployments.select_related("endpoint").order_by("endpoint__name", "name")[:2])
    if using:
        one = f"{using[0].endpoint.name}/{using[0].name}"
        raise NotAllowed(
            _("The deployment %(one)s uses it. Delete that deployment first.") % {"one": one}
            if len(using) == 1
            else _("Deployments use it, among them %(one)s. Delete them first.") % {"one": one}
        )
    job = cluster.jobs.unfinished().first()
    if job:
        raise NotAllowed(
            _("The job %(job)s runs on it. Wait for its end, or cancel it.") % {"job": job.display_name}
        )
