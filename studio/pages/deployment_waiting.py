"""Why deployments that are being created do not get on."""

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext as _

from studio.models import Deployment, Node, RegistryState
from studio.queue import broker_answers


def waiting_sentences(deployments: Iterable[Deployment]) -> dict[int, str]:
    """Primary key to the sentence, for those of `deployments` that wait for something that is not there."""
    creating = [one for one in deployments if one.is_creating]
    if not creating:
        return {}
    alive = set(Node.objects.alive().values_list("cluster_id", flat=True))
    sentences = {one.pk: _no_node(one) for one in creating if one.cluster_id not in alive}
    unheld = [one.pk for one in creating if one.cluster_id in alive and not _is_held(one)]
    away = _service_away() if unheld else ""
    return sentences | (dict.fromkeys(unheld, away) if away else {})


def _is_held(deployment: Deployment) -> bool:
    """Whether a node works on it, which then says itself in the log what it misses."""
    return bool(deployment.lease_until and deployment.lease_until > timezone.now())


def _no_node(deployment: Deployment) -> str:
    return _(
        "Waiting because no node of the cluster %(cluster)s is running. It starts as soon as one joins."
    ) % {"cluster": deployment.cluster.name}


def _service_away() -> str:
    registry = RegistryState.current()
    if registry.error:
        return _("Waiting for MLflow, which has the files of the model. %(error)s") % {
            "error": registry.error
        }
    if not broker_answers():
        return _(
            "Waiting for the message broker, which does not answer. Nothing is lost: it starts by itself as "
            "soon as the broker is back."
        )
    return ""
