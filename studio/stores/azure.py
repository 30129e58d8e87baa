"""Azure Blob Storage: of Azure, its sovereign clouds and Azure Stack, and Azurite."""

import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EACCES
from itertools import chain
from typing import Any

from azure.core import MatchConditions
from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential
from azure.core.exceptions import (
    AzureError,
    ClientAuthenticationError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseError,
)
from azure.storage.blob import (
    BlobBlock,
    BlobClient,
    BlobPrefix,
    BlobProperties,
    BlobServiceClient,
    ContainerClient,
    ExponentialRetry,
    StorageStreamDownloader,
)
from django.utils.translation import gettext as _
from storages.backends.azure_storage import AzureStorage

from studio.stores.base import Changed, StoreAway, StoredObject, already_there, tidy
from studio.stores.objects import Listed, ObjectStore, Page, busy, not_let_in, silent
from studio.stores.remote import Body, in_parts
from studio.stores.repeats import note_repeat

FIRST_FETCHED = 1 << 20  # bytes of a range that its first request fetches; what is read may end early
FETCHED = 4 << 20  # with each further one
LISTED = 5000  # objects of a page; the service gives no more
DELETED = 256  # objects of a batch; the service takes no more
COPY_PAUSE = 0.5  # seconds between two questions whether a copy is done
OWNER = "studio_owner"  # no name of metadata here has a dash
# Metadata of a folder, where a hierarchical namespace or another program keeps them.
DIRECTORY = "hdi_isfolder"
ABSENT: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
# https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
NOT_LET_IN = {
    "AccountIsDisabled",
    "AuthenticationFailed",  # also of a SAS token that has ended
    "AuthorizationFailure",  # also of the account's firewall
    "InvalidAuthenticationInfo",
    "KeyBasedAuthenticationNotPermitted",
    "NoAuthenticationInformation",
}
BUSY = {
    "InvalidBlockList",  # somebody else wrote the same object meanwhile, which drops the parts of this one
    "OperationTimedOut",
    "ServerBusy",
}
NOT_FREE = {"BlobAlreadyExists", "ConditionNotMet", "UnauthorizedBlobOverwrite"}


class AzureContainer(ObjectStore):
    """A container, or one folder of it, opened with the account's key or a SAS token."""

    def __init__(
        self,
        *,
        account: str,
        container: str,
        endpoint: str,
        folder: str = "",
        account_key: str = "",
        sas_token: str = "",
    ) -> None:
        super().__init__(folder)
        self.container, self._sas = container, sas_token
        self.failing = (_BrokenOff,)
        credential = (
            AzureSasCredential(sas_token) if sas_token else AzureNamedKeyCredential(account, account_key)
        )
        self.storage = _Storage(
            container,
            BlobServiceClient(
                endpoint,
                credential,
                # Throttling too; pauses of 2, 4 and 8 seconds.
                retry_policy=_Patience(
                    initial_backoff=0, increment_base=2, retry_total=3, random_jitter_range=1
                ),
                connection_timeout=5,
                read_timeout=60,
                max_single_get_size=FIRST_FETCHED,
                max_chunk_get_size=FETCHED,
            ),
        )

    @property
    def _client(self) -> ContainerClient:
        """May be used by several threads."""
        client: ContainerClient = self.storage.client
        return client

    def _blob(self, path: str) -> BlobClient:
        return self._client.get_blob_client(self.key(path))

    @property
    def missing(self) -> str:
        return _("there is no container “%(container)s” in this account, or no such folder in it") % {
            "container": self.container
        }

    @contextmanager
    def speaking(self) -> Iterator[None]:
        try:
            yield
        except HttpResponseError as error:
            raise _said(error) from None
        except (ServiceRequestError, ServiceResponseError) as error:
            raise silent(self.container, error) from None
        except AzureError as error:
            raise OSError(0, type(error).__name__) from None

    def stat(self, path: str) -> StoredObject | None:
        self.check(path)
        found = self._properties(self._blob(path)) if tidy(path) else None
        if found is None or not _is_object(found):
            return None
        listed = _listed(found)
        return StoredObject(tidy(path), listed.size, listed.modified, listed.etag)

    def _properties(self, blob: BlobClient) -> BlobProperties | None:
        """None where there is no object."""
        try:
            with self.speaking():
                return blob.get_blob_properties()
        except FileNotFoundError:
            return None

    def page(self, prefix: str, begin: str, limit: int) -> Page:
        """The service may answer with an empty page though more follow."""
        pages: Any = self._client.walk_blobs(
            name_starts_with=prefix, delimiter="/", include=["metadata"], results_per_page=limit
        ).by_page(begin or None)
        for page in pages:
            found = list(page)
            folders = [one.name for one in found if isinstance(one, BlobPrefix)]
            objects = [_listed(one) for one in found if _is_object(one)]
            if folders or objects:
                return Page(folders, objects, pages.continuation_token or None)
        return Page([], [], None)

    def every(self, prefix: str) -> Iterator[Listed]:
        found = self._client.list_blobs(prefix, include=["metadata"], results_per_page=LISTED)
        return (_listed(one) for one in found if _is_object(one))

    def body(self, path: str, etag: str, start: int, end: int) -> Body:
        stream = self._blob(path).download_blob(
            start,
            end - start,
            etag=f'"{etag}"',
            match_condition=MatchConditions.IfNotModified,
            max_concurrency=1,
            decompress=False,
        )
        return _Body(stream, self.speaking)

    def put(self, path: str, chunks: Iterable[bytes], *, if_absent: bool = False, owner: str = "") -> bool:
        blob = self._blob(path)
        kept: dict[str, Any] = {"metadata": {OWNER: owner}} if owner else {}
        parts = in_parts(chunks)
        first, second = next(parts, b""), next(parts, None)
        try:
            with self.speaking():
                if second is None:
                    blob.upload_blob(first, length=len(first), overwrite=not if_absent, **kept)
                else:
                    blocks = _staged(blob, chain([first, second], parts))
                    blob.commit_block_list(blocks, **kept, **(ABSENT if if_absent else {}))
        except Changed:
            return False
        except StoreAway:
            if if_absent and self.stat(path):  # whose writer was quicker
                return False
            raise
        return True

    def mark_folder(self, path: str) -> None:
        with self.speaking():
            self._client.upload_blob(f"{self.key(path)}/", b"", overwrite=True)

    def owner_of(self, path: str) -> str:
        found = self._properties(self._blob(path))
        return str(found.metadata.get(OWNER, "")) if found else ""

    def move(self, source: str, path: str, *, replace: bool) -> None:
        """A copy inside of the account, which is its own request, and the end of the source."""
        if not replace:
            self.free_path(path)
        origin, target = self._blob(source), self._blob(path)
        address = f"{origin.url}?{self._sas}" if self._sas else origin.url
        try:
            with self.speaking():
                copied: dict[str, Any] = target.start_copy_from_url(address, **({} if replace else ABSENT))
                status = copied["copy_status"]
                while status == "pending":
                    time.sleep(COPY_PAUSE)
                    status = target.get_blob_properties().copy.status
        except Changed:
            raise already_there(path) from None
        if status != "success":
            raise OSError(0, _("the copy did not succeed"))
        self.delete(source)

    def delete(self, path: str) -> None:
        with suppress(FileNotFoundError), self.speaking():
            self._blob(path).delete_blob(delete_snapshots="include")

    def delete_folder(self, path: str) -> None:
        below = self.below(path)
        with suppress(OSError, StoreAway), self.speaking():
            for page in self._client.list_blobs(below, results_per_page=DELETED).by_page():
                names = [one.name for one in page]
                if names:
                    self._client.delete_blobs(*names, delete_snapshots="include", raise_on_any_failure=False)


class _Patience(ExponentialRetry):
    """Tells of each request that it makes again."""

    def increment(self, settings: Any, request: Any, response: Any = None, error: Any = None) -> bool:
        goes_on = super().increment(settings, request, response, error)
        if goes_on and response:
            note_repeat(response.status_code, response.headers.get("x-ms-error-code"))
        elif goes_on:
            note_repeat(type(error).__name__)
        return goes_on


class _Storage(AzureStorage):
    """Of a service at any address."""

    def __init__(self, container: str, service: BlobServiceClient) -> None:
        super().__init__(azure_container=container)
        self.service = service

    @property
    def service_client(self) -> BlobServiceClient:
        return self.service


class _Body:
    """Fetches further bytes of its range while it is read, so that it may be refused then."""

    def __init__(self, stream: StorageStreamDownloader[bytes], speaking: Callable[[], Any]) -> None:
        self._stream, self._speaking = stream, speaking

    def read(self, size: int) -> bytes:
        with self._speaking():
            return self._stream.read(size)

    def close(self) -> None:
        """Nothing is open between two requests."""


class _BrokenOff(OSError):
    """An answer, before its end."""


def _staged(blob: BlobClient, parts: Iterable[bytes]) -> list[BlobBlock]:
    """Blocks that nobody sees until they are committed, and that the service drops when they are not, in a week.

    Their names are of this upload alone: all that is staged for an object is in one heap.
    """
    upload, blocks = uuid.uuid4().hex, []
    for number, part in enumerate(parts):
        blocks.append(BlobBlock(f"{upload}-{number:05}"))
        blob.stage_block(blocks[-1].id, part, len(part))
    return blocks


def _is_object(found: Any) -> bool:
    return not isinstance(found, BlobPrefix) and not (found.metadata or {}).get(DIRECTORY)


def _listed(found: Any) -> Listed:
    return Listed(found.name, found.size, found.last_modified, found.etag.strip('"'))


def _said(error: HttpResponseError) -> Exception:
    """What the service says in its own words may hold the address, and with it the SAS token: its code is enough."""
    code = getattr(error, "error_code", None) or type(error).__name__
    code, status = str(getattr(code, "value", code)), (error.response and error.response.status_code) or 0
    if code in NOT_FREE:
        return Changed()
    if status == 404:
        return FileNotFoundError(2, "No such object")
    if code in NOT_LET_IN or isinstance(error, ClientAuthenticationError):
        return not_let_in(code)
    if code in BUSY or status == 429 or status >= 500:
        return busy(code)
    if status == 403:
        return PermissionError(EACCES, _("the credentials do not allow it"))
    return OSError(0, code) if status else _BrokenOff(0, _("the connection broke off"))
