"""Every 5 s: whatever a lost message, a dead worker or a silent node left undone is begun again."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from studio.actions.addresses import forget_addresses
from studio.actions.compute import forget_silent_nodes, no_node_reasons, wake_cluster
from studio.actions.job_deletion import remove_outdated_parts
from studio.actions.job_logs import forget_old_logs
from studio.actions.job_runs import enqueue_due_runs
from studio.actions.jobs import settle_cancel, waiting_reason
from studio.actions.minibatches import recover_lost
from studio.actions.people import forget_sessions
from studio.actions.registrations import recover_registrations
from studio.actions.storing import remove_left_uploads
from studio.actions.trials import forget_old_trials, recover_lost_trials, wake_for_trials
from studio.actions.uploads import forget_left_uploads
from studio.models import Cluster, Deployment, Job, MiniBatch, Node
from studio.models.locks import Turn, taking_turns
from studio.queue import enqueue

logger = logging.getLogger(__name__)

EVERY = 5.0  # seconds
GRACE = timedelta(seconds=3)  # what a message may take before the row counts as left alone
AT_ONCE = 4  # messages about jobs that wait for the control worker


def sweep() -> None:
    with taking_turns(Turn.SWEEP) as mine:
        if mine:
            for step in STEPS:
                _alone(step)


def _alone(step: Callable[..., None], **ids: Any) -> None:
    """What goes wrong with one row, or in one step, must not keep the others waiting."""
    try:
        step(**ids)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        logger.exception("a step of the sweep failed", extra={"action": "sweep_failed", **ids})


def _recover_minibatches() -> None:
    for minibatch_id, lease in MiniBatch.objects.running().lease_lost().values_list("pk", "lease"):
        _alone(recover_lost, minibatch_id=minibatch_id, lease=lease)


def _drive_jobs() -> None:
    begun = Job.objects.lease_free().filter(status__in=[Job.Status.PREPARING, Job.Status.FINALIZING])
    waiting = Job.objects.for_control().filter(created_at__lt=Now() - GRACE)
    # Whoever drives one of those that wait goes on to the others.
    for job in [*begun.only("status"), *waiting.only("status")[:AT_ONCE]]:
        is_scored = job.status in (Job.Status.RUNNING, Job.Status.FINALIZING)
        enqueue("jobs.finalize" if is_scored else "jobs.prepare", expires=EVERY, job_id=job.pk)
    for job_id in Job.objects.filter(status=Job.Status.CANCEL_REQUESTED).values_list("pk", flat=True):
        _alone(settle_cancel, job_id=job_id)


def _wake_clusters() -> None:
    """Wake-ups go to clusters that have work and a node: in a queue that nobody reads they would only pile up."""
    of_job = MiniBatch.objects.filter(job=OuterRef("pk"))
    with_work = Job.objects.filter(Exists(of_job.waiting()), status=Job.Status.RUNNING)
    # Between two mini-batches a slot has none for a moment.
    idle = with_work.exclude(Exists(of_job.running())).exclude(recorded_at__gt=Now() - GRACE)
    creating = Deployment.objects.lease_free().filter(status=Deployment.Status.CREATING)
    alive = set(Node.objects.taking_work().values_list("cluster", flat=True))
    for cluster in Cluster.objects.filter(jobs__in=with_work).distinct():
        reason = waiting_reason(cluster)
        if cluster.pk in alive:
            wake_cluster(cluster)
            # What a node itself says it waits for, say MLflow, tells more; that there is none is no longer true.
            outdated = ["", *no_node_reasons(cluster)]
            idle.filter(cluster=cluster, waiting_for__in=outdated).update(waiting_for=reason)
        else:
            idle.filter(cluster=cluster).exclude(waiting_for=reason).update(waiting_for=reason)
    for cluster in Cluster.objects.filter(deployments__in=creating, pk__in=alive).distinct():
        wake_cluster(cluster, times=1)


STEPS = (
    forget_silent_nodes,
    _recover_minibatches,
    _drive_jobs,
    _wake_clusters,
    recover_registrations,
    recover_lost_trials,
    wake_for_trials,
    forget_old_trials,
    forget_old_logs,
    remove_outdated_parts,
    enqueue_due_runs,
    forget_addresses,
    forget_sessions,
    remove_left_uploads,
    forget_left_uploads,
)
