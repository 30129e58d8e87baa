"""Asking for what lies at a public https address: redirects, pauses and refusals, each as a sentence."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin

from django.conf import settings
from django.utils.translation import gettext as _
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    InvalidHeader,
    LocationParseError,
    ProtocolError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as TimedOut
from urllib3.util import Retry, Url, parse_url

from studio.models.data import HIDDEN_QUERY
from studio.stores.base import StoreAway
from studio.stores.public import AddressRefused, public_pool
from studio.stores.repeats import note_repeat

CONNECT, READ = 10.0, 30.0  # seconds without a sign of the server
REDIRECTS = {301, 302, 303, 307, 308}
MOST_REDIRECTS = 5
BUSY = {429, 502, 503, 504}
PAUSES = (0.5, 1.0, 2.0)  # seconds before it is asked again
LONGEST_PAUSE = 5.0  # that is waited for because the server asks for it
LONGEST, LONGEST_PLACE = 4000, 1000  # characters of an address, and of what stands in front of its query


@dataclass(frozen=True)
class Address:
    """Where a file is. A query may hold a key (SAS, signed URL), so it is never shown."""

    place: str  # https://host/path
    query: str = ""

    @property
    def url(self) -> str:
        return f"{self.place}?{self.query}" if self.query else self.place

    def __str__(self) -> str:
        return f"{self.place}{HIDDEN_QUERY if self.query else ''}"


def parse_address(text: str) -> Address:
    """Raises AddressRefused for what is no https address, or holds a user and password."""
    parts = _parts(text.strip())
    if parts.auth is not None:
        raise AddressRefused(
            _(
                "The address holds a user or password in front of “@”, which is refused. Give one that opens without."
            )
        )
    if text.strip().endswith(HIDDEN_QUERY):
        raise AddressRefused(
            _("What stood behind “?” is not shown again. Give the whole address once more, or another one.")
        )
    host = parts.host or ""
    place = Url(
        scheme="https", host=host, port=None if parts.port == 443 else parts.port, path=parts.path or "/"
    )
    if len(place.url) > LONGEST_PLACE:
        raise AddressRefused(_("The address is too long in front of its “?”. Give a shorter one."))
    return Address(place.url, parts.query or "")


def _no_address() -> AddressRefused:
    return AddressRefused(_("This is no address. Give one such as “https://example.com/visits.csv”."))


def _parts(text: str) -> Url:
    if len(text) > LONGEST or not text.isprintable():
        raise _no_address()
    try:
        parts = parse_url(text)
    except LocationParseError:
        raise _no_address() from None
    if parts.scheme != "https":
        raise AddressRefused(_("Only https addresses are read. Give one that begins with “https://”."))
    if not parts.host:
        raise _no_address()
    return parts


@lru_cache(maxsize=4)
def _pool(ca_file: str) -> PoolManager:
    return public_pool(
        ca_file, num_pools=16, maxsize=8, timeout=Timeout(connect=CONNECT, read=READ), headers=_headers()
    )


def _headers() -> dict[str, str]:
    return {"User-Agent": "ScoringStudio", "Accept": "*/*", "Accept-Encoding": "identity"}


def fetch(address: Address, *, start: int | None = None, end: int | None = None) -> BaseHTTPResponse:
    """The answer with the bytes from `start` to before `end`, or with all; its body is not read yet.

    Raises AddressRefused, StoreAway, and FileNotFoundError where nothing is there.
    """
    extra = {} if start is None or end is None else {"Range": f"bytes={start}-{end - 1}"}
    for pause in (*PAUSES, None):
        answer = _followed(address, _headers() | extra)
        if answer.status not in BUSY:
            break
        answer.close()
        wanted = _asked_to_wait(answer)
        if pause is None or wanted > LONGEST_PAUSE:
            raise StoreAway(
                _("%(address)s is busy or out of order (%(status)s). Work goes on when it is not.")
                % {"address": address, "status": answer.status}
            )
        note_repeat(answer.status)
        time.sleep(max(pause, wanted))
    _check_status(address, answer)
    return answer


def _followed(address: Address, headers: dict[str, str]) -> BaseHTTPResponse:
    """Each redirect is an address like any other: https, without a password, and checked when it is connected to."""
    seen, current = {address.url}, address
    for _hop in range(MOST_REDIRECTS + 1):
        answer = _asked(current, headers)
        target = answer.headers.get("Location")
        if answer.status not in REDIRECTS or not target:
            return answer
        answer.close()
        try:
            current = parse_address(_joined(current.url, target))
        except AddressRefused as refusal:
            raise AddressRefused(
                _("%(address)s leads on to an address that is not read. %(reason)s")
                % {"address": address, "reason": refusal}
            ) from None
        if current.url in seen:
            raise AddressRefused(
                _("%(address)s leads in a circle. Give the address of the file itself.")
                % {"address": address}
            )
        seen.add(current.url)
    raise AddressRefused(
        _("%(address)s leads on more than %(times)s times. Give the address of the file itself.")
        % {"address": address, "times": MOST_REDIRECTS}
    )


def _joined(url: str, target: str) -> str:
    """Raises AddressRefused."""
    try:
        return urljoin(url, target)
    except ValueError:
        raise _no_address() from None


def _asked(address: Address, headers: dict[str, str]) -> BaseHTTPResponse:
    options: dict[str, Any] = {
        "headers": headers,
        "redirect": False,
        "preload_content": False,
        "decode_content": False,
    }
    ask = partial(_pool(settings.CA_FILE).urlopen, "GET", address.url, **options)
    with speaking(address):
        try:
            return ask()
        except (
            ProtocolError
        ):  # perhaps only a connection that was kept, and that the server has closed meanwhile
            return ask()


@contextmanager
def speaking(address: Address) -> Iterator[None]:
    """What the libraries raise, as sentences; theirs hold the query."""
    try:
        yield
    except SSLError as error:
        raise _insecure(address, error) from None
    except ConnectTimeoutError:
        raise StoreAway(
            _("%(address)s cannot be reached within %(seconds)s s. Work goes on when it can.")
            % {"address": address, "seconds": round(CONNECT)}
        ) from None
    except TimedOut:
        raise StoreAway(
            _("%(address)s answers too slowly. Work goes on when it answers.") % {"address": address}
        ) from None
    except HTTPError as error:
        raise StoreAway(
            _("%(address)s does not answer (%(reason)s). Work goes on when it does.")
            % {"address": address, "reason": type(error).__name__}
        ) from None


def _insecure(address: Address, error: SSLError) -> StoreAway | AddressRefused:
    cause = error.args[0] if error.args else None
    if not isinstance(cause, ssl.SSLCertVerificationError):
        return StoreAway(
            _("%(address)s breaks the secure connection off. Work goes on when it does not.")
            % {"address": address}
        )
    return AddressRefused(
        _("The certificate of %(address)s is not valid (%(reason)s). Ask whoever runs that server.")
        % {"address": address, "reason": cause.verify_message}
    )


def _asked_to_wait(answer: BaseHTTPResponse) -> float:
    try:
        return Retry().get_retry_after(answer) or 0.0
    except (InvalidHeader, ValueError):  # the latter: thousands of digits
        return 0.0


def _check_status(address: Address, answer: BaseHTTPResponse) -> None:
    """416 is what a server says of the first byte of an empty file."""
    status = answer.status
    if status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
        return
    answer.close()
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        raise FileNotFoundError(2, _("there is nothing at this address"))
    named = {"address": address, "status": status}
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise AddressRefused(
            _(
                "%(address)s does not let the studio in (%(status)s). Its key may have expired, or it needs a sign-in."
            )
            % named
        )
    if status >= 500:
        raise StoreAway(
            _("%(address)s is busy or out of order (%(status)s). Work goes on when it is not.") % named
        )
    raise AddressRefused(_("%(address)s gives no file (%(status)s). Check the address.") % named)
