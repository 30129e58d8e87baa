"""Every 5 s: whatever a lost message, a dead worker or a silent node left undone is begun again."""

from datetime import timedelta

from django.db.models import Exists, F, OuterRef
from django.db.models.functions import Now

from studio.actions.compute import forget_silent_nodes, wake_cluster
from studio.actions.jobs import settle_cancel, waiting_reason
from studio.actions.minibatches import recover_lost
from studio.models import Cluster, Deployment, Job, MiniBatch
from studio.models.locks import Turn, taking_turns
from studio.queue import enqueue

GRACE = timedelta(seconds=3)  # what a message may take before the row counts as left alone


def sweep() -> None:
    with taking_turns(Turn.SWEEP) as mine:
        if mine:
            forget_silent_nodes()
            _recover_minibatches()
            _drive_jobs()
            _wake_clusters()


def _recover_minibatches() -> None:
    for minibatch_id, lease in MiniBatch.objects.running().lease_lost().values_list("pk", "lease"):
        recover_lost(minibatch_id=minibatch_id, lease=lease)


def _drive_jobs() -> None:
    left_alone = Job.objects.lease_free()
    for job_id in left_alone.filter(status=Job.Status.QUEUED, created_at__lt=Now() - GRACE).values_list(
        "pk", flat=True
    ):
        enqueue("jobs.prepare", job_id=job_id)
    for job_id in left_alone.filter(status=Job.Status.PREPARING).values_list("pk", flat=True):
        enqueue("jobs.prepare", job_id=job_id)
    finished = Job.objects.filter(status=Job.Status.RUNNING, minibatches_done__gte=F("minibatches_total"))
    for job_id in (finished | left_alone.filter(status=Job.Status.FINALIZING)).values_list("pk", flat=True):
        enqueue("jobs.finalize", job_id=job_id)
    for job_id in Job.objects.filter(status=Job.Status.CANCEL_REQUESTED).values_list("pk", flat=True):
        settle_cancel(job_id=job_id)


def _wake_clusters() -> None:
    waiting = Job.objects.filter(status=Job.Status.RUNNING, minibatches_done__lt=F("minibatches_total"))
    idle = waiting.exclude(Exists(MiniBatch.objects.filter(job=OuterRef("pk")).running()))
    for cluster in Cluster.objects.filter(jobs__in=waiting).distinct():
        reason = waiting_reason(cluster)
        idle.filter(cluster=cluster).exclude(waiting_for=reason).update(waiting_for=reason)
        wake_cluster(cluster)
    creating = Deployment.objects.lease_free().filter(status=Deployment.Status.CREATING)
    for cluster in Cluster.objects.filter(deployments__in=creating).distinct():
        wake_cluster(cluster, times=1)
