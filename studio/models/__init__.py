from studio.models.compute import Cluster, Node
from studio.models.data import DataAsset, DataAssetVersion, Datastore
from studio.models.drafts import Draft
from studio.models.endpoints import Deployment, Endpoint
from studio.models.events import Event
from studio.models.jobs import Job, MiniBatch
from studio.models.models import ModelVersion, RegisteredModel, RegistryState

__all__ = [
    "Cluster",
    "DataAsset",
    "DataAssetVersion",
    "Datastore",
    "Deployment",
    "Draft",
    "Endpoint",
    "Event",
    "Job",
    "MiniBatch",
    "ModelVersion",
    "Node",
    "RegisteredModel",
    "RegistryState",
]
