"""Google Cloud Storage."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from errno import EACCES
from functools import cached_property
from itertools import chain
from typing import Any

import google.auth
from django.utils.translation import gettext as _
from google.api_core.exceptions import GoogleAPICallError, GoogleAPIError, NotFound, RetryError
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError, RefreshError
from google.cloud.storage import Blob, Client
from google.cloud.storage.exceptions import DataCorruption, InvalidResponse
from google.cloud.storage.retry import DEFAULT_RETRY
from google.oauth2 import service_account
from requests import RequestException
from storages.backends.gcloud import GoogleCloudStorage
from urllib3.exceptions import HTTPError

from studio.stores.base import Changed, StoreAway, StoredObject, already_there, tidy
from studio.stores.objects import OWNER, Listed, ObjectStore, Page, busy, not_let_in, silent
from studio.stores.remote import PART, PIECE, Body, in_parts
from studio.stores.repeats import note_repeat

SCOPES = ("https://www.googleapis.com/auth/devstorage.read_write",)
LARGEST_PIECE = 8 << 20  # bytes of a request for some of an object, after smaller ones
LISTED = "items(name,size,updated,generation),prefixes,nextPageToken"
DELETING = 8  # threads: an object is deleted by a request of its own
TIMEOUT = (5, 60)  # seconds to connect, and without a byte
# Of every request, throttled ones too; the client asks for the rest of a piece or sends a part again.
RETRY = DEFAULT_RETRY.with_delay(initial=0.2, maximum=5, multiplier=2).with_timeout(20)
FAILING = (GoogleAPIError, GoogleAuthError, InvalidResponse, DataCorruption, RequestException, HTTPError)
# https://docs.cloud.google.com/storage/docs/json_api/v1/status-codes
BUSY = {"rateLimitExceeded", "userRateLimitExceeded"}
BUSY_STATUSES = {408, 409, 410, 429}  # 410: an upload in parts has to begin anew
# The client would ask for the bucket's region in a thread of its own, for traces that nobody takes.
os.environ.setdefault("DISABLE_GCS_PYTHON_CLIENT_OTEL_BUCKET_METADATA", "true")


def _retry(call: Callable[..., Any]) -> Callable[..., Any]:
    return RETRY(call, on_error=_tell)


PATIENT: dict[str, Any] = {"retry": _retry, "timeout": TIMEOUT}


class GoogleBucket(ObjectStore):
    """A bucket, or one folder of it. Without a key it is opened with what the machine itself has, and at an endpoint of
    one's own with nothing. An object's etag is its generation, of which each write makes a new one."""

    failing = (HTTPError,)  # should one get past the client, which itself goes on where a connection broke

    def __init__(self, *, bucket: str, folder: str = "", endpoint: str = "", key_file: str = "") -> None:
        super().__init__(folder)
        self.bucket = bucket
        self.storage = _Backend(bucket, endpoint, key_file)

    @property
    def missing(self) -> str:
        return _("there is no bucket “%(bucket)s”, or no such folder in it") % {"bucket": self.bucket}

    @contextmanager
    def speaking(self) -> Iterator[None]:
        try:
            yield
        except FAILING as error:
            raise self._said(error) from None

    def _said(self, error: Exception) -> Exception:
        if isinstance(error, RetryError) and error.cause:
            error = error.cause
        if isinstance(error, GoogleAPICallError | InvalidResponse):
            return _refused(error)
        if isinstance(error, RefreshError | DefaultCredentialsError):
            return _no_token(error)
        if isinstance(error, DataCorruption):
            return OSError(0, _("it arrived damaged"))
        return silent(self.bucket, error)

    def _blob(self, path: str, *, part: int | None = None) -> Blob:
        with self.speaking():  # the machine may have no credentials
            return self.storage.bucket.blob(self.key(path), chunk_size=part)

    def _head(self, path: str) -> Blob | None:
        """None where there is no object."""
        key = self.key(path)
        if not tidy(path):
            return None
        with self.speaking():
            return self.storage.bucket.get_blob(key, **PATIENT)

    def stat(self, path: str) -> StoredObject | None:
        found = self._head(path)
        if found is None:
            return None
        return StoredObject(tidy(path), found.size, found.updated, str(found.generation))

    def page(self, prefix: str, begin: str, limit: int) -> Page:
        found = self._listing(prefix, delimiter="/", page_token=begin or None, page_size=limit)
        folders: list[str] = []
        objects: list[Listed] = []
        for page in found.pages:
            folders, objects = sorted(page.prefixes), [_listed(one) for one in page]
            if folders or objects:  # one may be empty with more behind it
                break
        return Page(folders, objects, found.next_page_token)

    def every(self, prefix: str) -> Iterator[Listed]:
        return map(_listed, self._listing(prefix))

    def _listing(self, prefix: str, **more: Any) -> Any:
        return self.storage.client.list_blobs(self.bucket, prefix=prefix, fields=LISTED, **PATIENT, **more)

    def body(self, path: str, etag: str, start: int, end: int) -> Body:
        blob = self._blob(path)

        def ask(start: int, end: int) -> bytes:
            condition = {"if_generation_match": int(etag)}
            with self.speaking():
                # raw: as it lies there, also what is kept compressed
                data: bytes = blob.download_as_bytes(
                    start=start, end=end - 1, raw_download=True, checksum=None, **condition, **PATIENT
                )
            return data

        return _Pieces(ask, start, end)

    def put(self, path: str, chunks: Iterable[bytes], *, if_absent: bool = False, owner: str = "") -> bool:
        blob = self._blob(path, part=PART)
        if owner:
            blob.metadata = {OWNER: owner}
        given = {"content_type": "application/octet-stream", **_condition(free=if_absent), **PATIENT}
        parts = in_parts(chunks)
        first, second = next(parts, b""), next(parts, None)
        try:
            with self.speaking():
                if second is None:
                    blob.upload_from_string(first, **given)
                else:
                    _send_in_parts(blob, chain([first, second], parts), given)
        except Changed:
            return False
        return True

    def mark_folder(self, path: str) -> None:
        with self.speaking():
            self.storage.bucket.blob(f"{self.key(path)}/").upload_from_string(b"", **PATIENT)

    def owner_of(self, path: str) -> str:
        found = self._head(path)
        return str((found.metadata or {}).get(OWNER, "")) if found else ""

    def move(self, source: str, path: str, *, replace: bool) -> None:
        """Inside of the bucket, which copies a large object in several steps and shows it after the last."""
        origin, target = self._blob(source), self._blob(path)
        if not replace:
            self.free_path(path)
        token = None
        try:
            with self.speaking():
                while True:
                    token, *_done = target.rewrite(
                        origin, token=token, **_condition(free=not replace), **PATIENT
                    )
                    if token is None:
                        break
        except Changed:
            raise already_there(path) from None
        self.delete(source)

    def delete(self, path: str) -> None:
        self._delete(self.key(path))

    def _delete(self, key: str) -> None:
        with self.speaking(), suppress(NotFound):
            self.storage.bucket.delete_blob(key, **PATIENT)

    def delete_folder(self, path: str) -> None:
        below = self.below(path)
        with suppress(OSError, StoreAway), self.speaking(), ThreadPoolExecutor(DELETING) as threads:
            list(threads.map(self._delete, (one.key for one in self.every(below))))


class _Backend(GoogleCloudStorage):
    """As django-storages has it, but for the client, which is told of the endpoint."""

    def __init__(self, bucket: str, endpoint: str, key_file: str) -> None:
        super().__init__(bucket_name=bucket)
        self._endpoint, self._key_file = endpoint, key_file

    @cached_property
    def client(self) -> Client:
        """May be used by several threads."""
        credentials = self._credentials()
        told = {"api_endpoint": self._endpoint or None, "universe_domain": credentials.universe_domain}
        return Client(project=None, credentials=credentials, client_options=told)

    def _credentials(self) -> Credentials:
        if self._key_file:
            given = json.loads(self._key_file)
            return service_account.Credentials.from_service_account_info(given, scopes=SCOPES)
        if self._endpoint:
            return AnonymousCredentials()
        return google.auth.default(scopes=SCOPES)[0]


class _Pieces:
    """The bytes of an object, asked for in pieces that grow: its head costs little, and all of it few requests."""

    def __init__(self, ask: Callable[[int, int], bytes], start: int, end: int) -> None:
        self._ask, self._next, self._end = ask, start, end
        self._size = PIECE
        self._piece = memoryview(b"")

    def read(self, size: int, /) -> bytes:
        if not self._piece and self._next < self._end:
            self._piece = memoryview(self._ask(self._next, min(self._next + self._size, self._end)))
            self._next += len(self._piece)
            self._size = min(2 * self._size, LARGEST_PIECE)
        data, self._piece = bytes(self._piece[:size]), self._piece[size:]
        return data

    def close(self) -> None:
        self._piece = memoryview(b"")


class _Stream:
    """Chunks as a file that is read once."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks, self._kept, self._position = iter(chunks), bytearray(), 0
        self.failure: Exception | None = None  # of what makes the chunks

    def tell(self) -> int:
        return self._position

    def read(self, size: int) -> bytes:
        try:
            while len(self._kept) < size and (chunk := next(self._chunks, None)) is not None:
                self._kept += chunk
        except Exception as error:
            self.failure = error
            raise
        data = bytes(self._kept[:size])
        del self._kept[:size]
        self._position += len(data)
        return data


def _send_in_parts(blob: Blob, parts: Iterable[bytes], given: dict[str, Any]) -> None:
    """Nobody sees them before the last."""
    stream = _Stream(parts)
    try:
        blob.upload_from_file(stream, **given)
    except ValueError as error:
        if error is stream.failure:
            raise
        # The service has kept less of a part than was sent, and the client does not go back.
        raise busy("308") from None


def _tell(error: Exception) -> None:
    """Of a request that is made again."""
    response = getattr(error, "response", None)
    if response is None:
        note_repeat(type(error).__name__)
        return
    status, reason, _message = _told(response)
    note_repeat(status, reason if reason != str(status) else "")


def _condition(*, free: bool) -> dict[str, int]:
    return {"if_generation_match": 0} if free else {}


def _listed(blob: Blob) -> Listed:
    return Listed(blob.name, blob.size, blob.updated, str(blob.generation))


def _no_token(error: RefreshError | DefaultCredentialsError) -> StoreAway:
    """Of what the error says only the word that stands for it: the rest may quote what was sent."""
    told = next((one for one in error.args if isinstance(one, dict)), {})
    return not_let_in(str(told.get("error", "NoCredentials")))


def _refused(error: GoogleAPICallError | InvalidResponse) -> Exception:
    status, reason, message = _told(error.response)
    if status == 412:
        return Changed()
    if status == 404:
        return FileNotFoundError(2, "No such object")
    if status == 401:
        return not_let_in(reason)
    if status in BUSY_STATUSES or status == 308 or status >= 500 or reason in BUSY:
        return busy(reason)
    if status == 403:
        return PermissionError(EACCES, _("the credentials do not allow it"))
    return OSError(0, f"{reason}: {message[:200]}")


def _told(response: Any) -> tuple[int, str, str]:
    """The status of an answer, and the reason and message of the error in it."""
    try:
        error = response.json()["error"]
        reason, message = error["errors"][0]["reason"], error["message"]
    except (ValueError, LookupError, TypeError):
        reason, message = "", ""
    return response.status_code, reason or str(response.status_code), message
