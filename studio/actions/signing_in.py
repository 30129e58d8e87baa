"""How often somebody may guess. What counts is kept in a table of our own: no names, and an answer that is the same for
people who exist and for those who do not."""

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from studio.actions.events import record
from studio.errors import StudioError
from studio.models import SignInAttempt

WINDOW = timedelta(minutes=15)
MINUTES = int(WINDOW.total_seconds() // 60)
# Failures in that time. A name from one address: a person at their keyboard. An address: a program that tries names.
# A name from everywhere: a program with many addresses; more, since it also shuts out the person themselves.
MOST_OF_BOTH, MOST_OF_ADDRESS, MOST_OF_NAME = 5, 30, 100
MOST_BEGUN = 30  # sign-ins that one address has begun at a provider in that time and not finished
AT_PROVIDER = ""  # in place of a name's key: none was typed


class TooManyAttempts(StudioError):
    """Nothing is compared, so that guessing on tells nothing."""


def begin_attempt(*, username: str, ip: str | None, now: datetime) -> SignInAttempt:
    """Counted before the password is looked at, so that a hundred at once are a hundred. Raises TooManyAttempts."""
    ip = _counted_as(ip)
    attempt = _counted(name_key=_key(username), ip=ip, now=now)
    same_name, same_address = Q(name_key=attempt.name_key), Q(ip=ip) if ip else Q(ip=None)
    seen = SignInAttempt.objects.exclude(name_key=AT_PROVIDER).aggregate(
        both=Count("pk", filter=same_name & same_address),
        address=Count("pk", filter=same_address),
        name=Count("pk", filter=same_name),
    )
    if seen["both"] > MOST_OF_BOTH or seen["address"] > MOST_OF_ADDRESS or seen["name"] > MOST_OF_NAME:
        attempt.delete()  # who waits is let in when what was wrong is 15 minutes old, however often they have looked
        raise TooManyAttempts(
            _("There were too many failed attempts to sign in. Wait %(minutes)s minutes, then try again.")
            % {"minutes": MINUTES}
        )
    return attempt


def begin_at_provider(*, ip: str | None, now: datetime) -> None:
    """Each leaves a session until it is finished or too old. Raises TooManyAttempts."""
    ip = _counted_as(ip)
    attempt = _counted(name_key=AT_PROVIDER, ip=ip, now=now)
    if SignInAttempt.objects.filter(name_key=AT_PROVIDER, ip=ip).count() > MOST_BEGUN:
        attempt.delete()
        raise TooManyAttempts(
            _(
                "Too many sign-ins were begun from this network and not finished. Wait %(minutes)s minutes, then begin "
                "again."
            )
            % {"minutes": MINUTES}
        )


def finish_at_provider(*, ip: str | None) -> None:
    """Many people may come from one address; who signs in is none too many."""
    SignInAttempt.objects.filter(name_key=AT_PROVIDER, ip=_counted_as(ip)).delete()


def _counted(*, name_key: str, ip: str | None, now: datetime) -> SignInAttempt:
    SignInAttempt.objects.filter(at__lte=now - WINDOW).delete()
    return SignInAttempt.objects.create(at=now, name_key=name_key, ip=ip)


def _counted_as(ip: str | None) -> str | None:
    """One host has all the addresses of an IPv6 network of 64 bits."""
    address = ip_address(ip) if ip else None
    if not isinstance(address, IPv6Address):
        return ip
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network(f"{address}/64", strict=False).network_address)


def signed_in(*, user: User, attempt: SignInAttempt) -> None:
    """What was mistyped before is forgotten."""
    SignInAttempt.objects.filter(name_key=attempt.name_key, ip=attempt.ip).delete()
    record(actor=user, action="account.sign_in", subject=user.username)


def failed_to_sign_in(*, username: str) -> None:
    """A name that nobody has is not kept: it may be a password in the wrong field."""
    known = get_user_model().objects.filter(username=username).exists()
    record(actor=None, action="account.sign_in_failed", subject=username if known else _("unknown name"))


def signed_out(*, user: User) -> None:
    record(actor=user, action="account.sign_out", subject=user.username)


def _key(username: str) -> str:
    return salted_hmac("studio.sign_in", username.casefold(), algorithm="sha256").hexdigest()
