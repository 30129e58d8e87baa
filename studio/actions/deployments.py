"""What people change about a deployment once it is there."""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from scoring.settings import ScoringSettings
from studio.actions import events
from studio.actions.endpoints import changed_meanwhile, cluster_refusals, held
from studio.errors import FieldErrors
from studio.models import Deployment, Endpoint
from studio.permissions import check_can_delete_deployment, check_can_edit_deployment


def edit_deployment(
    *,
    user: User,
    deployment: Deployment,
    revision: int,
    description: str,
    tags: dict[str, str],
    settings: ScoringSettings,
) -> None:
    """Jobs from now on have the new settings; those that were submitted keep theirs.

    Raises FieldErrors, and ChangedMeanwhile when `revision` is not the present one.
    """
    check_can_edit_deployment(user, deployment)
    problems = settings.validate() | cluster_refusals(deployment.cluster, settings)
    if settings.class_probabilities and deployment.offers_probabilities is False:
        problems["class_probabilities"] = _(
            "The model offers no class probabilities: its trial looked for them. Leave this off."
        )
    if problems:
        raise FieldErrors(problems)
    subject = f"{deployment.endpoint.name}/{deployment.name}"
    before, after = _difference(deployment, description, tags, settings)
    with transaction.atomic():
        held(deployment.endpoint)  # first, as everybody does who locks both
        same = Deployment.objects.filter(pk=deployment.pk, revision=revision)
        if not same.update(
            revision=F("revision") + 1,
            description=description,
            tags=tags,
            settings=settings.to_dict(),
            updated_at=Now(),
        ):
            raise changed_meanwhile(deployment, action="deployment.edit", subject=subject)
        Endpoint.objects.filter(pk=deployment.endpoint_id).update(updated_at=Now())
        events.record(actor=user, action="deployment.edit", subject=subject, before=before, after=after)


def _difference(
    deployment: Deployment, description: str, tags: dict[str, str], settings: ScoringSettings
) -> tuple[dict[str, Any], dict[str, Any]]:
    old = {**deployment.settings, "description": deployment.description, "tags": deployment.tags}
    new = {**settings.to_dict(), "description": description, "tags": tags}
    changed = [name for name, value in new.items() if old.get(name) != value]
    return {name: old.get(name) for name in changed}, {name: new[name] for name in changed}


def delete_deployment(*, user: User, deployment: Deployment) -> None:
    """Its jobs stay and keep its name; a node that is creating it finds it gone and ends that quietly."""
    with transaction.atomic():
        endpoint = held(deployment.endpoint)
        deployment = held(deployment)
        check_can_delete_deployment(user, deployment)
        events.record(actor=user, action="deployment.delete", subject=f"{endpoint.name}/{deployment.name}")
        deployment.delete()
        Endpoint.objects.filter(pk=endpoint.pk).update(updated_at=Now())
