"""Why deployments that are being created do not get on."""

from collections.abc import Iterable

from django.utils import timezone
from django.utils.translation import gettext as _

from studio.actions.compute import no_node_reason
from studio.models import Deployment, Node, RegistryState
from studio.queue import broker_answers


def waiting_sentences(deployments: Iterable[Deployment]) -> dict[int, str]:
    """Primary key to the sentence, for those of `deployments` that wait for something that is not there."""
    creating = [one for one in deployments if one.is_creating]
    if not creating:
        return {}
    alive = set(Node.objects.taking_work().values_list("cluster_id", flat=True))
    left = [one for one in creating if not _is_held(one)]
    sentences = {one.pk: no_node_reason(one.cluster) for one in left if one.cluster_id not in alive}
    unheld = [one.pk for one in left if one.cluster_id in alive]
    away = _service_away() if unheld else ""
    return sentences | (dict.fromkeys(unheld, away) if away else {})


def _is_held(deployment: Deployment) -> bool:
    """Whether a node works on it, which then says itself in the log what it misses."""
    return bool(deployment.lease_until and deployment.lease_until > timezone.now())


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
