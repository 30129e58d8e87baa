"""Logins at SSH servers whose host keys are known, and the connections that threads share."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from io import StringIO
from socket import create_connection, gaierror

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_ssh_private_key,
)
from django.utils.translation import gettext as _
from paramiko import (
    AuthenticationException,
    BadAuthenticationType,
    BadHostKeyException,
    ECDSAKey,
    Ed25519Key,
    PKey,
    RSAKey,
    SSHClient,
    SSHException,
    Transport,
)
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey
from paramiko.sftp import SFTPError
from storages.backends.sftpstorage import SFTPStorage

from studio.stores.base import StoreAway
from studio.stores.repeats import note_repeat
from studio.stores.sftp_session import Session

SSH_PORT = 22
PATIENCE = 10  # seconds for each step of a connection
SILENCE = 60  # seconds that a session may not answer
TRIES = 3  # of a connection; a server turns some away while many begin
FIRST_PAUSE = 0.2
AT_ONCE = 4  # connections that begin: OpenSSH turns some away from 10 on
FRESH = 5  # seconds after which a connection that nobody used is asked whether it still answers
IDLE = 60  # seconds after which one that nobody uses is closed
KEY_TYPES = {RSAPrivateKey: RSAKey, EllipticCurvePrivateKey: ECDSAKey, Ed25519PrivateKey: Ed25519Key}
BROKEN = (SSHException, SFTPError, EOFError, ConnectionError, TimeoutError)


@dataclass(frozen=True)
class Login:
    host: str
    user: str
    host_key: str  # as in known_hosts, without the host
    port: int = SSH_PORT
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)

    @property
    def server(self) -> str:
        return self.host if self.port == SSH_PORT else f"{self.host}:{self.port}"


# ---- Keys


def host_key_of(line: str) -> PKey:
    """From a line of known_hosts, of ssh-keyscan or of a server's .pub file. Raises ValueError."""
    words = next((one.split() for one in line.splitlines() if one.strip() and one[0] not in "#@"), [])
    start = next((place for place, word in enumerate(words[:2]) if word.startswith(("ssh-", "ecdsa-"))), None)
    try:
        entry = HostKeyEntry.from_line(f"host {' '.join(words[start:])}") if start is not None else None
    except (InvalidHostKey, SSHException, ValueError, IndexError):
        entry = None
    if entry is None:
        raise ValueError("no host key")
    return entry.key


def host_key_line(key: PKey) -> str:
    return f"{key.get_name()} {key.get_base64()}"


def fingerprint(key: PKey) -> str:
    """As `ssh-keygen -l` prints it."""
    return f"{key.fingerprint} ({key.algorithm_name})"


def presented_host_key(host: str, port: int) -> PKey:
    """What the server shows as its own, before anything is sent to it. Raises StoreAway."""
    login = Login(host=host, port=port, user="", host_key="")
    with reaching(login), create_connection((host, port), timeout=PATIENCE) as socket:
        transport = Transport(socket)
        transport.banner_timeout = PATIENCE
        try:
            transport.start_client(timeout=PATIENCE)
            return transport.get_remote_server_key()
        finally:
            transport.close()


def private_key_of(text: str, passphrase: str) -> PKey:
    """From PEM or OpenSSH's format. Raises ValueError, whose sentence is for people."""
    data = text.strip().replace("\r\n", "\n").encode() + b"\n"
    load = load_ssh_private_key if b"OPENSSH" in data else load_pem_private_key
    try:
        try:
            key = load(data, passphrase.encode() or None)
        except TypeError:  # it has no passphrase, or one that is not given
            key = load(data, None)
    except TypeError:
        raise ValueError(_("The key has a passphrase. Give it too.")) from None
    except Exception:  # a dozen kinds, some with parts of the key in their words
        if b"PRIVATE KEY" not in data:
            said = _("This is no private key. It begins with “-----BEGIN … PRIVATE KEY-----”.")
        elif passphrase:
            said = _("The key cannot be opened: its passphrase is another one, or lines of it are missing.")
        else:
            said = _("The key cannot be opened: it has a passphrase, or lines of it are missing.")
        raise ValueError(said) from None
    kind = next((ours for theirs, ours in KEY_TYPES.items() if isinstance(key, theirs)), None)
    if kind is None:
        raise ValueError(_("Keys of this type are not taken. Give one of Ed25519, ECDSA or RSA."))
    plain = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return kind.from_private_key(StringIO(plain))


# ---- Connections


class Connection(SFTPStorage):
    """One login. django-storages' own would also take a host key of another type than the one it knows."""

    def __init__(self, login: Login) -> None:
        super().__init__(host=login.host)
        self.login, self.used = login, time.monotonic()

    def _connect(self) -> None:
        login, client = self.login, SSHClient()
        key = host_key_of(login.host_key)
        name = login.host if login.port == SSH_PORT else f"[{login.host}]:{login.port}"
        client.get_host_keys().add(name, key.get_name(), key)
        try:
            client.connect(
                login.host,
                login.port,
                login.user,
                password=login.password or None,
                pkey=private_key_of(login.private_key, login.passphrase) if login.private_key else None,
                allow_agent=False,
                look_for_keys=False,
                timeout=PATIENCE,
                banner_timeout=PATIENCE,
                auth_timeout=PATIENCE,
                channel_timeout=PATIENCE,
            )
            self._ssh, self._sftp = client, Session.from_transport(client.get_transport())
        except BaseException:
            client.close()
            raise
        self._sftp.get_channel().settimeout(SILENCE)

    @property
    def is_whole(self) -> bool:
        return not self._sftp.under_way and self._ssh.get_transport().is_active()

    def answers(self) -> bool:
        """Asked where it was not used for a while: what lies between may have forgotten it."""
        if time.monotonic() - self.used < FRESH or not self.is_whole:
            return self.is_whole
        channel = self._sftp.get_channel()
        try:
            channel.settimeout(PATIENCE)
            self._sftp.real_path(b".")
            channel.settimeout(SILENCE)
        except (OSError, *BROKEN):
            return False
        return True


class Pool:
    """Each connection is lent to one thread at a time; more are made as they are needed."""

    def __init__(self, login: Login) -> None:
        self.login = login
        self._idle: list[Connection] = []
        self._lock = threading.Lock()
        self._beginning = threading.Semaphore(AT_ONCE)
        self._closing: threading.Timer | None = None

    def take(self) -> Connection:
        while True:
            with self._lock:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                with reaching(self.login):
                    return self._new()
            if connection.answers():
                return connection
            self.give_up(connection)

    def give(self, connection: Connection) -> None:
        if not connection.is_whole:
            self.give_up(connection)
            return
        connection.used = time.monotonic()
        with self._lock:
            self._idle.append(connection)
            self._close_later()

    def give_up(self, connection: Connection) -> None:
        """And what else lay idle, which has probably ended as this one did."""
        with self._lock:
            idle, self._idle = self._idle, []
        for one in (connection, *idle):
            _close(one)

    @contextmanager
    def lend(self) -> Iterator[Session]:
        connection = self.take()
        try:
            yield connection.sftp
        finally:
            self.give(connection)

    def _new(self) -> Connection:
        for attempt in range(TRIES):
            connection = Connection(self.login)
            try:
                with self._beginning:
                    connection.sftp  # noqa: B018 - which connects
                return connection
            except (AuthenticationException, BadHostKeyException, TimeoutError, gaierror):
                raise
            except (SSHException, EOFError, OSError) as error:
                if attempt == TRIES - 1:
                    raise
                note_repeat(type(error).__name__)
            time.sleep(FIRST_PAUSE * 2**attempt)
        raise AssertionError

    def _close_later(self) -> None:
        if self._closing is None:
            self._closing = threading.Timer(IDLE, self._close_idle)
            self._closing.daemon = True
            self._closing.start()

    def _close_idle(self) -> None:
        with self._lock:
            self._closing = None
            old = [one for one in self._idle if time.monotonic() - one.used >= IDLE]
            self._idle = [one for one in self._idle if one not in old]
            if self._idle:
                self._close_later()
        for one in old:
            _close(one)


def _close(connection: Connection) -> None:
    with suppress(Exception):
        connection.close()


# ---- What went wrong


@contextmanager
def reaching(login: Login) -> Iterator[None]:
    """Turns what may go wrong before a session is there into StoreAway."""
    try:
        yield
    except BadHostKeyException as error:
        raise StoreAway(_other_key(login, error)) from None
    except BadAuthenticationType as error:
        raise StoreAway(
            _(
                "The server %(server)s lets nobody in with what the datastore has; it takes: %(types)s. Update the "
                "authentication on the datastore’s page."
            )
            % {"server": login.server, "types": ", ".join(error.allowed_types)}
        ) from None
    except AuthenticationException:
        raise StoreAway(
            _(
                "The server %(server)s does not let “%(user)s” in with the datastore’s password or key. Update the "
                "authentication on the datastore’s page."
            )
            % {"server": login.server, "user": login.user}
        ) from None
    except (gaierror, UnicodeError):
        raise StoreAway(
            _("No host “%(host)s” is known. Check its name; work goes on when it can be found.")
            % {"host": login.host}
        ) from None
    except (OSError, *BROKEN) as error:
        raise _silent(login, error) from None


@contextmanager
def speaking_with(login: Login) -> Iterator[None]:
    """Turns a broken connection into StoreAway; what a server answers are OSErrors already."""
    try:
        yield
    except BROKEN as error:
        raise _silent(login, error) from None


def _silent(login: Login, error: Exception) -> StoreAway:
    return StoreAway(
        _("The server %(server)s does not answer (%(reason)s). Work goes on when it does.")
        % {"server": login.server, "reason": _why(error)}
    )


def _other_key(login: Login, error: BadHostKeyException) -> str:
    return _(
        "The server %(server)s shows another host key, %(shown)s, than the one that was confirmed, %(known)s, so "
        "nothing was sent to it. Ask who runs it. If the key was changed on purpose, confirm the new one where the "
        "authentication is updated."
    ) % {
        "server": login.server,
        "shown": fingerprint(error.key),
        "known": fingerprint(error.expected_key),
    }


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return _("it took too long")
    causes = getattr(error, "errors", None)  # one for each address of the host
    if isinstance(causes, dict) and causes:
        error = next(iter(causes.values()))
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error)[:200] or _("the connection broke off")
