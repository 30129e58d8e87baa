"""What `Uri` names, in each of the forms that Azure's documentation has."""

import re

from django.utils.translation import gettext as _

from studio.errors import NotFound, StudioError
from studio.finding import found
from studio.forms.numbers import whole_number
from studio.models import DataAsset, DataAssetVersion, Datastore
from studio.roles import Person

# azureml://datastores/… and the long azureml://subscriptions/…/datastores/…, or the same as an id: /subscriptions/…
DATASTORE = re.compile(r"(?:azureml:/)?/(?:.+/)?datastores/(?P<name>[^/]+)/paths/(?P<path>.*)")
ASSET_ID = re.compile(
    r"(?:azureml:/)?/(?:.+/)?data/(?P<name>[^/]+)/(?:versions/)?(?:labels/)?(?P<version>[^/]+)"
)
ASSET = re.compile(r"azureml:(?P<name>[^/:@]+)(?:[:@](?P<version>[^/:@]+))")
LATEST = "latest"


def read_input(*, user: Person, uri: str) -> DataAssetVersion | tuple[Datastore, str] | str:
    """A version of a data asset, a path in a datastore, or an https address as it is. Raises NotFound, StudioError."""
    if uri.startswith("https://"):
        return uri
    match = DATASTORE.fullmatch(uri)
    if match:
        return find_datastore(user=user, name=match["name"]), match["path"]
    match = ASSET_ID.fullmatch(uri) or ASSET.fullmatch(uri)
    if match:
        return _find_version(user=user, name=match["name"], version=match["version"])
    raise StudioError(
        _(
            "“%(uri)s” names no data. Give azureml:name:version, azureml:name@latest, "
            "azureml://datastores/name/paths/path, the id of a data asset, or an address that begins with https://."
        )
        % {"uri": uri}
    )


def read_output(*, user: Person, uri: str) -> tuple[Datastore, str]:
    """A path in a datastore. Raises NotFound, StudioError."""
    match = DATASTORE.fullmatch(uri)
    if match is None:
        raise StudioError(
            _("“%(uri)s” names no place for predictions. Give azureml://datastores/name/paths/path.")
            % {"uri": uri}
        )
    return find_datastore(user=user, name=match["name"]), match["path"]


def find_datastore(*, user: Person, name: str) -> Datastore:
    gone = _("There is no datastore “%(name)s”. Ask an Administrator to register it.") % {"name": name}
    return found(Datastore.objects.visible_to(user), gone, name=name)


def _find_version(*, user: Person, name: str, version: str) -> DataAssetVersion:
    versions = DataAssetVersion.objects.visible_to(user).filter(asset__name=name)
    wanted = {} if version == LATEST else {"version": whole_number(version)}
    latest_first = versions.filter(**wanted).select_related("asset", "datastore").order_by("-version")
    row: DataAssetVersion | None = latest_first.first()
    if row:
        return row
    gone = _("There is no data asset “%(name)s”. Check the name, or register it.") % {"name": name}
    found(DataAsset.objects.visible_to(user), gone, name=name)
    raise NotFound(
        _("The data asset “%(name)s” has no version %(version)s. Check it, or write azureml:%(name)s@latest.")
        % {"name": name, "version": version}
    )
