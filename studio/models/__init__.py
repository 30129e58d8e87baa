from studio.models.compute import Cluster, Node
from studio.models.data import DataAsset, DataAssetVersion, Datastore, UnfinishedUpload
from studio.models.drafts import Draft
from studio.models.endpoints import Deployment, Endpoint
from studio.models.events import Event
from studio.models.job_logs import JobLog
from studio.models.jobs import Job
from studio.models.minibatches import MiniBatch
from studio.models.models import ModelVersion, RegisteredModel, RegistryState
from studio.models.people import Profile, Role, Session, SignInAttempt
from studio.models.registrations import Registration
from studio.models.tokens import ApiToken
from studio.models.trials import Trial

__all__ = [
    "ApiToken",
    "Cluster",
    "DataAsset",
    "DataAssetVersion",
    "Datastore",
    "Deployment",
    "Draft",
    "Endpoint",
    "Event",
    "Job",
    "JobLog",
    "MiniBatch",
    "ModelVersion",
    "Node",
    "Profile",
    "RegisteredModel",
    "Registration",
    "RegistryState",
    "Role",
    "Session",
    "SignInAttempt",
    "Trial",
    "UnfinishedUpload",
]
