import pytest
from django.test import Client

from studio.models import Cluster, Datastore, Deployment, Draft, ModelVersion
from tests import factories


@pytest.fixture
def version(db: None) -> ModelVersion:
    return factories.model_version("titanic_survival_model_")


@pytest.fixture
def cluster(db: None) -> Cluster:
    return factories.cluster("cpu-cluster")


@pytest.fixture
def draft(signed_in: Client) -> Draft:
    signed_in.get("/deployments/new/")
    return Draft.objects.get()


@pytest.fixture
def used(store: Datastore) -> Deployment:
    """A deployment whose model needs the numbers x and age."""
    version = factories.model_version(signature=factories.signature(("x", "double"), ("age", "double")))
    return factories.deployment(model_version=version)
