"""Amazon S3, and what speaks its language: MinIO, Ceph, R2 and others."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from errno import EACCES
from functools import cached_property
from itertools import chain
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.exceptions import (
    ConnectionError as NotConnected,
)
from django.utils.translation import gettext as _
from storages.backends.s3 import S3Storage
from urllib3.exceptions import HTTPError

from studio.stores.base import Changed, StoreAway, StoredObject, already_there, tidy
from studio.stores.objects import OWNER, Listed, ObjectStore, Page, busy, not_let_in, silent
from studio.stores.remote import Body, in_parts
from studio.stores.repeats import note_repeat

RETRIES = 5  # of a request
COPIED = 1 << 30  # bytes of a part that the bucket itself copies
# https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
NOT_LET_IN = {
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "NoCredentials",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "TokenRefreshRequired",
}
BUSY = {
    "409",
    "ConditionalRequestConflict",  # somebody writes the same object at this moment, or this upload did and was repeated
    "InternalError",
    "OperationAborted",
    "RequestTimeout",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "TooManyRequests",
}
GONE = {"NoSuchBucket", "NoSuchKey", "NotFound", "404"}
NOT_FREE = {"PreconditionFailed", "412"}


class S3Bucket(ObjectStore):
    """A bucket, or one folder of it. Without keys it is opened with what the machine itself has (a role)."""

    failing = (
        HTTPError,
        ReadTimeoutError,
        ResponseStreamingError,
        IncompleteReadError,
        ConnectionClosedError,
    )

    def __init__(
        self,
        *,
        bucket: str,
        folder: str = "",
        endpoint: str = "",
        region: str = "",
        path_style: bool = False,
        access_key: str = "",
        secret_key: str = "",
        session_token: str = "",
    ) -> None:
        super().__init__(folder)
        self.bucket = bucket
        self.storage = S3Storage(
            bucket_name=bucket,
            access_key=access_key or None,
            secret_key=secret_key or None,
            security_token=session_token or None,
            endpoint_url=endpoint or None,
            region_name=region or None,
            client_config=Config(
                connect_timeout=5,
                read_timeout=60,
                retries={"mode": "standard", "max_attempts": RETRIES},  # with pauses; throttling too
                s3={"addressing_style": "path" if path_style else "auto"},
                signature_version="s3v4",
                max_pool_connections=16,
                # What S3 itself checks anyway, and others do not know.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    @cached_property
    def _client(self) -> Any:
        """May be used by several threads."""
        client = self.storage.connection.meta.client
        client.meta.events.register("needs-retry.s3", _tell)
        return client

    @property
    def missing(self) -> str:
        return _("there is no bucket “%(bucket)s”, or no such folder in it") % {"bucket": self.bucket}

    @contextmanager
    def speaking(self) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code, said = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            raise _said(code, said, status) from None
        except (NoCredentialsError, PartialCredentialsError):
            raise _said("NoCredentials", "", 0) from None
        except (NotConnected, HTTPClientError, HTTPError) as error:
            raise silent(self.bucket, error) from None
        except BotoCoreError as error:
            raise OSError(0, type(error).__name__) from None

    def stat(self, path: str) -> StoredObject | None:
        key = self.key(path)
        if not tidy(path):
            return None
        head = self._head(key)
        if head is None:
            return None
        return StoredObject(tidy(path), head["ContentLength"], head["LastModified"], head["ETag"].strip('"'))

    def _head(self, key: str) -> dict[str, Any] | None:
        """None where there is no object."""
        with self.speaking():
            try:
                head: dict[str, Any] = self._client.head_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                code = error.response["Error"].get("Code", "")
                if code in GONE:
                    return None
                if code in ("400", "403"):  # the answer to HEAD has no body that says more; this one's has
                    self._client.list_objects_v2(Bucket=self.bucket, Prefix=key, MaxKeys=1)
                raise
        return head

    def page(self, prefix: str, begin: str, limit: int) -> Page:
        asked = {"Bucket": self.bucket, "Prefix": prefix, "Delimiter": "/", "MaxKeys": limit}
        found = self._client.list_objects_v2(**asked, **({"ContinuationToken": begin} if begin else {}))
        return Page(
            folders=[one["Prefix"] for one in found.get("CommonPrefixes", [])],
            objects=[_listed(one) for one in found.get("Contents", [])],
            after=found.get("NextContinuationToken"),
        )

    def every(self, prefix: str) -> Iterator[Listed]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return (_listed(one) for page in pages for one in page.get("Contents", []))

    def body(self, path: str, etag: str, start: int, end: int) -> Body:
        found = self._client.get_object(
            Bucket=self.bucket, Key=self.key(path), Range=f"bytes={start}-{end - 1}", IfMatch=f'"{etag}"'
        )
        body: Body = found["Body"]
        if found["ETag"].strip('"') != etag:  # some servers do not know the condition
            body.close()
            raise Changed
        return body

    def put(self, path: str, chunks: Iterable[bytes], *, if_absent: bool = False, owner: str = "") -> bool:
        place = {"Bucket": self.bucket, "Key": self.key(path)}
        kept = {"Metadata": {OWNER: owner}} if owner else {}
        condition = {"IfNoneMatch": "*"} if if_absent else {}
        parts = in_parts(chunks)
        first, second = next(parts, b""), next(parts, None)
        try:
            with self.speaking():
                if second is None:
                    self._client.put_object(**place, **kept, **condition, Body=first)
                else:
                    self._put_parts(place, kept, condition, chain([first, second], parts))
        except Changed:
            return False
        return True

    def _put_parts(
        self, place: dict[str, str], kept: dict[str, Any], condition: dict[str, str], parts: Iterator[bytes]
    ) -> None:
        with self._upload(place, kept, condition) as upload:
            for number, part in enumerate(parts, start=1):
                upload.note(self._client.upload_part(**upload.place, PartNumber=number, Body=part)["ETag"])

    @contextmanager
    def _upload(
        self, place: dict[str, str], kept: dict[str, Any], condition: dict[str, str]
    ) -> Iterator["_Upload"]:
        """Of an object in parts, which is there when all went well, and else leaves nothing."""
        identity = self._client.create_multipart_upload(**place, **kept)["UploadId"]
        upload = _Upload({**place, "UploadId": identity})
        try:
            yield upload
            self._client.complete_multipart_upload(
                **upload.place, **condition, MultipartUpload={"Parts": upload.parts}
            )
        except BaseException:
            with suppress(ClientError, BotoCoreError):
                self._client.abort_multipart_upload(**upload.place)
            raise

    def mark_folder(self, path: str) -> None:
        with self.speaking():
            self._client.put_object(Bucket=self.bucket, Key=f"{self.key(path)}/", Body=b"")

    def owner_of(self, path: str) -> str:
        head = self._head(self.key(path)) or {}
        return str(head.get("Metadata", {}).get(OWNER, ""))

    def move(self, source: str, path: str, *, replace: bool) -> None:
        """Inside of the bucket; as one part of its own, since only the end of an upload in parts takes a condition."""
        place = {"Bucket": self.bucket, "Key": self.key(path)}
        origin = {"Bucket": self.bucket, "Key": self.key(source)}
        if not replace:
            self.free_path(path)
        found = self.stat(source)
        if found is None:
            raise FileNotFoundError(2, "No such object")
        try:
            with self.speaking():
                if replace or not found.size:
                    self._client.copy(origin, **place)
                else:
                    self._copy_parts(origin, place, found.size)
        except Changed:
            raise already_there(path) from None
        self.delete(source)

    def _copy_parts(self, origin: dict[str, str], place: dict[str, str], size: int) -> None:
        with self._upload(place, {}, {"IfNoneMatch": "*"}) as upload:
            for number, start in enumerate(range(0, size, COPIED), start=1):
                copied = self._client.upload_part_copy(
                    **upload.place,
                    PartNumber=number,
                    CopySource=origin,
                    CopySourceRange=f"bytes={start}-{min(start + COPIED, size) - 1}",
                )
                upload.note(copied["CopyPartResult"]["ETag"])

    def delete(self, path: str) -> None:
        with self.speaking():
            self._client.delete_object(Bucket=self.bucket, Key=self.key(path))

    def delete_folder(self, path: str) -> None:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.below(path)
        )
        with suppress(OSError, StoreAway), self.speaking():
            for page in pages:
                keys = [{"Key": one["Key"]} for one in page.get("Contents", [])]
                if keys:
                    self._client.delete_objects(Bucket=self.bucket, Delete={"Objects": keys, "Quiet": True})


def _tell(*, response: Any, attempts: int, caught_exception: Exception | None, **_more: Any) -> None:
    """The client asks after each answer whether to make the request again; this only listens."""
    if attempts > RETRIES:
        return
    if caught_exception:
        note_repeat(type(caught_exception).__name__)
        return
    http, parsed = response
    code = parsed.get("Error", {}).get("Code", "")
    if _is_passing(code, http.status_code):
        note_repeat(http.status_code, code if code != str(http.status_code) else "")


def _is_passing(code: str, status: int) -> bool:
    return code in BUSY or status == 429 or status >= 500


def _listed(found: dict[str, Any]) -> Listed:
    return Listed(found["Key"], found["Size"], found["LastModified"], found["ETag"].strip('"'))


class _Upload:
    def __init__(self, place: dict[str, str]) -> None:
        self.place = place
        self.parts: list[dict[str, Any]] = []

    def note(self, etag: str) -> None:
        self.parts.append({"PartNumber": len(self.parts) + 1, "ETag": etag})


def _said(code: str, message: str, status: int) -> Exception:
    if code in NOT_FREE:
        return Changed()
    if code in GONE:
        return FileNotFoundError(2, "No such object")
    if code in NOT_LET_IN:
        return not_let_in(code)
    if _is_passing(code, status):
        return busy(code)
    if code in ("AccessDenied", "403"):
        return PermissionError(EACCES, _("the credentials do not allow it"))
    return OSError(0, f"{code}: {message[:200]}")
