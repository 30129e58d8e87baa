"""What a person names, in an address or in a request. Each raises NotFound, with the sentence that says so."""

from typing import TypeVar

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Model, Prefetch, QuerySet
from django.utils.translation import gettext as _

from studio.errors import NotFound
from studio.models import (
    ApiToken,
    Cluster,
    DataAsset,
    DataAssetVersion,
    Datastore,
    Deployment,
    Endpoint,
    ModelVersion,
    Node,
    RegisteredModel,
    Registration,
)
from studio.roles import Person

Row = TypeVar("Row", bound=Model)


def found(rows: QuerySet[Row], sentence: str, **wanted: object) -> Row:
    """The one of `rows` that is wanted. Raises NotFound with the sentence."""
    row = rows.filter(**wanted).first()
    if row is None:
        raise NotFound(sentence)
    return row


def find_model(user: Person, name: str) -> RegisteredModel:
    gone = _("There is no model “%(name)s”. It may have been deleted in MLflow.") % {"name": name}
    return found(RegisteredModel.objects.visible_to(user).with_latest(), gone, name=name)


def find_version(model: RegisteredModel, number: int) -> ModelVersion:
    gone = _("The model “%(name)s” has no version %(number)s. It may have been deleted.")
    version = found(model.versions.all(), gone % {"name": model.name, "number": number}, version=number)
    version.registered_model = model
    return version


def find_registration(user: Person, number: int) -> Registration:
    gone = _("There is no such registration, or it is somebody else’s.")
    return found(Registration.objects.visible_to(user), gone, pk=number)


def find_endpoint(user: Person, name: str) -> Endpoint:
    """With its deployments, the default one first, and what keeps them from being deleted."""
    listed = Deployment.objects.for_list().default_first().with_unfinished_jobs()
    rows = Endpoint.objects.visible_to(user).select_related("default_deployment", "created_by")
    gone = _("There is no endpoint “%(name)s”. It may have been deleted.") % {"name": name}
    endpoint = found(rows.prefetch_related(Prefetch("deployments", queryset=listed)), gone, name=name)
    for deployment in endpoint.deployments.all():
        deployment.endpoint = endpoint  # the one that knows its other deployments
    return endpoint


def find_deployment(user: Person, endpoint: str, name: str) -> Deployment:
    rows = Deployment.objects.visible_to(user).with_model().default_first()
    deployment: Deployment | None = rows.filter(endpoint__name=endpoint, name=name).first()
    if deployment:
        return deployment
    found(
        Endpoint.objects.visible_to(user),
        _("There is no endpoint “%(name)s”. It may have been deleted.") % {"name": endpoint},
        name=endpoint,
    )
    raise NotFound(
        _("The endpoint “%(endpoint)s” has no deployment “%(name)s”. It may have been deleted.")
        % {"endpoint": endpoint, "name": name}
    )


def find_data_asset(user: Person, name: str) -> DataAsset:
    gone = _("There is no data asset “%(name)s”; it may have been deleted.") % {"name": name}
    rows = DataAsset.objects.visible_to(user).select_related("created_by").with_latest()
    return found(rows, gone, name=name)


def find_data_version(asset: DataAsset, number: int) -> DataAssetVersion:
    gone = _("The data asset “%(name)s” has no version %(number)s.") % {"name": asset.name, "number": number}
    version = found(asset.versions.select_related("datastore", "created_by"), gone, version=number)
    version.asset = asset
    return version


def find_datastore(user: Person, name: str) -> Datastore:
    rows = Datastore.objects.visible_to(user).select_related("created_by").with_asset_count()
    gone = _("There is no datastore “%(name)s”; it may have been unregistered.") % {"name": name}
    return found(rows, gone, name=name)


def find_cluster(user: Person, name: str) -> Cluster:
    rows = Cluster.objects.visible_to(user).select_related("created_by").with_nodes().with_queue()
    gone = _("There is no cluster “%(name)s”; it may have been deleted.") % {"name": name}
    return found(rows, gone, name=name)


def find_node(cluster: Cluster, name: str) -> Node:
    gone = _("The node “%(name)s” is no longer there.") % {"name": name}
    return found(Node.objects.alive().filter(cluster=cluster), gone, name=name)


def find_token(user: Person, number: int) -> ApiToken:
    return found(ApiToken.objects.visible_to(user), _("There is no such token among yours."), pk=number)


def find_person(**wanted: object) -> User:
    """For who may administer, which the caller has asked for."""
    return found(get_user_model().objects.all(), _("There is no such person."), **wanted)
