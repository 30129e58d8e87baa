"""Connections to public hosts alone, each made to the very address that was checked."""

import socket
import ssl
import time
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from requests.certs import where as usual_authorities
from urllib3 import HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from studio.errors import StudioError

PORT = 443
PATIENCE = 60  # seconds that are waited in all for the answer to a request,
SLOWEST = 50_000  # and one more for each so many bytes of it
GLOBAL_UNICAST = ip_network(
    "2000::/3"
)  # all that IPv6 has given out, https://www.iana.org/assignments/ipv6-address-space
TUNNELS = (
    ip_network("2002::/16"),
    ip_network("2001::/32"),
)  # 6to4 and Teredo, which lead to whatever IPv4 they hold
NAT64 = ip_network("64:ff9b::/96")  # RFC 6052: IPv4 for networks that have only IPv6
# Public by its number, but inside of every machine at Azure:
# https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
INSIDE = {IPv4Address("168.63.129.16")}
UNKNOWN = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


class AddressRefused(StudioError):
    """An address that is not, or must not be, read: why, and what to give instead."""


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether it belongs to the internet, and to no network of this machine's."""
    if isinstance(address, IPv6Address):
        inside = address.ipv4_mapped or (_lowest(address) if address in NAT64 else None)
        if inside:
            return is_public(inside)
        if address not in GLOBAL_UNICAST or any(address in tunnel for tunnel in TUNNELS):
            return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address in INSIDE)


def _lowest(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)


def is_allowed(host: str, port: int) -> bool:
    """Whether the administrator has opened it (STUDIO_ALLOWED_HOSTS_FOR_DATA)."""
    return (host.rstrip(".").lower(), port) in settings.ALLOWED_HOSTS_FOR_DATA


class PatientSocket(ssl.SSLSocket):
    """Waits for PATIENCE, and longer only while bytes come: a server that trickles must hold nobody for hours."""

    waited = 0.0
    received = 0

    def begin(self) -> None:
        self.waited, self.received = 0.0, 0

    def recv_into(self, buffer: Any, nbytes: int | None = None, flags: int = 0) -> int:
        left = PATIENCE + self.received / SLOWEST - self.waited
        if left <= 0:
            raise TimeoutError("too slow")
        kept, began = self.gettimeout(), time.monotonic()
        self.settimeout(min(left, kept or left))
        try:
            count = super().recv_into(buffer, nbytes, flags)
        finally:
            self.waited += time.monotonic() - began
            self.settimeout(kept)
        self.received += count
        return count


class CheckedConnection(HTTPSConnection):
    """Resolves its host once, refuses it unless every answer is public, and connects to one of these answers: there is
    no second look-up that could say something else. Certificate and SNI are still those of the name."""

    resolve = staticmethod(socket.getaddrinfo)

    def _new_conn(self) -> socket.socket:
        failed: OSError = OSError()
        for family, kind, protocol, place in self._checked():
            connected = socket.socket(family, kind, protocol)
            try:
                connected.settimeout(self.timeout if isinstance(self.timeout, int | float) else None)
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connected.connect(place)
                return connected
            except OSError as error:
                connected.close()
                failed = error
        if isinstance(failed, TimeoutError):
            raise ConnectTimeoutError(self, "timed out")
        raise NewConnectionError(self, failed.strerror or type(failed).__name__)

    def _checked(self) -> list[tuple[int, int, int, Any]]:
        host = self._dns_host
        try:
            answers = self.resolve(host, self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            if error.errno in UNKNOWN:
                raise AddressRefused(
                    _("There is no host “%(host)s”. Check the address.") % {"host": host}
                ) from None
            raise NewConnectionError(self, error.strerror or "no name server answers") from None
        except UnicodeError:
            raise AddressRefused(_("“%(host)s” cannot be a host’s name.") % {"host": host}) from None
        if not is_allowed(host, self.port):
            _check(host, self.port, [str(place[0]) for *_kind, place in answers])
        return [(family, kind, protocol, place) for family, kind, protocol, _name, place in answers]

    def getresponse(self) -> Any:
        if isinstance(self.sock, PatientSocket):
            self.sock.begin()
        return super().getresponse()


def _check(host: str, port: int, answers: list[str]) -> None:
    if not answers or not all(is_public(ip_address(answer)) for answer in answers):
        raise AddressRefused(
            _(
                "“%(host)s” is not a public host. Give a public address, or ask the administrator to open this host"
                " (STUDIO_ALLOWED_HOSTS_FOR_DATA)."
            )
            % {"host": host}
        )
    if port != PORT:
        raise AddressRefused(
            _(
                "Only port 443 is read. Give an address without a port, or ask the administrator to open"
                " %(host)s:%(port)s (STUDIO_ALLOWED_HOSTS_FOR_DATA)."
            )
            % {"host": host, "port": port}
        )


class CheckedPool(HTTPSConnectionPool):
    ConnectionCls = CheckedConnection


def public_pool(ca_file: str, **options: Any) -> PoolManager:
    """Speaks https alone, and heeds no proxy of the environment: what a proxy connects to could not be checked."""
    context = ssl.create_default_context()
    context.sslsocket_class = PatientSocket
    for authorities in filter(None, (usual_authorities(), ca_file)):
        context.load_verify_locations(authorities)
    pool = PoolManager(ssl_context=context, retries=False, **options)
    pool.pool_classes_by_scheme = {"https": CheckedPool}
    return pool
