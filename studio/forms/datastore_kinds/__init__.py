"""A form for each kind of datastore."""

from studio.forms.datastore_kinds.azure import AzureForm
from studio.forms.datastore_kinds.base import CredentialsForm, DatastoreForm
from studio.forms.datastore_kinds.gcs import GoogleForm
from studio.forms.datastore_kinds.local import LocalForm
from studio.forms.datastore_kinds.s3 import S3Form
from studio.forms.datastore_kinds.sftp import SftpForm
from studio.models import Datastore

__all__ = ["FORMS", "CredentialsForm", "DatastoreForm"]

FORMS: dict[str, type[DatastoreForm]] = {
    Datastore.Kind.LOCAL: LocalForm,
    Datastore.Kind.S3: S3Form,
    Datastore.Kind.AZURE: AzureForm,
    Datastore.Kind.GCS: GoogleForm,
    Datastore.Kind.SFTP: SftpForm,
}
