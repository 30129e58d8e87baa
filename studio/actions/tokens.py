"""API tokens. A token is 32 random bytes, so one round of SHA-256 keeps it: a slow hash protects what people can think
of, and nobody guesses 256 bits; and it can be found by its digest. Its beginning and its checksum, as GitHub's tokens
have them, let scanners of secrets find a leaked one without asking this studio."""

import hashlib
import math
import secrets
import string
import zlib
from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Greatest
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from studio.actions.events import record
from studio.errors import FieldErrors, StudioError
from studio.models import ApiToken
from studio.models.people import granted_to
from studio.roles import check_can_change_own

PREFIX = "sst_"
DIGITS = string.digits + string.ascii_letters
BODY, CHECK = 43, 6  # digits that 32 bytes and a CRC-32 take to the base of 62
MOST = 50  # usable tokens of one person
USE_NOTED_EVERY = timedelta(minutes=1)
PACED_OVER = timedelta(minutes=1)


class TokenRefused(StudioError):
    """This token opens nothing."""


class TooManyRequests(StudioError):
    """The token was shown more often than one may be."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        super().__init__(
            _("This token has sent more than %(most)s requests a minute. Wait %(seconds)s s, then go on.")
            % {"most": settings.API_REQUESTS_PER_MINUTE, "seconds": math.ceil(seconds)}
        )


def in_digits(number: int, length: int) -> str:
    found = ""
    while number:
        number, digit = divmod(number, len(DIGITS))
        found = DIGITS[digit] + found
    return found.rjust(length, DIGITS[0])


def new_secret() -> str:
    body = in_digits(int.from_bytes(secrets.token_bytes(32)), BODY)
    return PREFIX + body + checksum(body)


def checksum(body: str) -> str:
    return in_digits(zlib.crc32(body.encode()), CHECK)


def is_well_formed(raw: str) -> bool:
    body, check = raw[len(PREFIX) : -CHECK], raw[-CHECK:]
    return raw.startswith(PREFIX) and len(body) == BODY and checksum(body) == check


def digest_of(raw: str) -> str:
    return hashlib.sha256(raw.encode()).hexdigest()


def create_token(*, user: User, name: str, scope: str, expires_at: datetime) -> tuple[ApiToken, str]:
    """The token, and its secret, which is kept nowhere. Raises FieldErrors."""
    check_can_change_own(user)
    usable = ApiToken.objects.filter(owner=user, revoked_at=None, expires_at__gt=timezone.now())
    if usable.count() >= MOST:
        raise FieldErrors({"name": _("You have %(count)s tokens. Revoke one first.") % {"count": MOST}})
    raw = new_secret()
    try:
        with transaction.atomic():
            token = ApiToken.objects.create(
                owner=user,
                name=name,
                scope=scope,
                digest=digest_of(raw),
                ending=raw[-4:],
                expires_at=expires_at,
            )
            record(
                actor=user,
                action="token.create",
                subject=str(token),
                scope=scope,
                expires_at=expires_at.isoformat(),
            )
    except IntegrityError as error:
        raise FieldErrors(
            {"name": _("You have a token of this name. Choose another one, or revoke it first.")}
        ) from error
    return token, raw


@transaction.atomic
def revoke_token(*, user: User, token: ApiToken) -> None:
    """At once; revoking twice is no second event."""
    check_can_change_own(user)
    if ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now()):
        record(actor=user, action="token.revoke", subject=str(token))


def authenticate_token(raw: str, *, now: datetime) -> ApiToken:
    """The token with its owner, as whom the request acts. Notes the use. Raises TokenRefused."""
    known = ApiToken.objects.select_related("owner").annotate(granted=granted_to("owner"))
    token = known.filter(digest=digest_of(raw)).first() if is_well_formed(raw) else None
    if token is None:
        raise TokenRefused(
            _("This is no token of this studio. Create one in your profile, under API tokens.")
        )
    if token.revoked_at:
        raise TokenRefused(
            _("The token %(name)s was revoked. Create another one in your profile, under API tokens.")
            % {"name": token.name}
        )
    if token.expires_at <= now:
        raise TokenRefused(
            _("The token %(name)s expired on %(date)s. Create another one in your profile, under API tokens.")
            % {"name": token.name, "date": formats.date_format(token.expires_at, "DATE_FORMAT")}
        )
    if not token.owner.is_active:
        raise TokenRefused(_("The account of this token is deactivated. Ask an Administrator."))
    token.owner.granted = token.granted
    _note_use(token, now)
    return token


def _note_use(token: ApiToken, now: datetime) -> None:
    """At most once a minute: a pipeline that asks often does not write each time."""
    before = now - USE_NOTED_EVERY
    if token.last_used_at is None or token.last_used_at <= before:
        unnoted = Q(last_used_at=None) | Q(last_used_at__lte=before)
        ApiToken.objects.filter(unnoted, pk=token.pk).update(last_used_at=now)
        token.last_used_at = now


def pace_token(*, token: ApiToken, now: datetime | None = None) -> None:
    """Count a request against the token. A minute's worth may come at once, and then one at a time, evenly.

    `paced_until` is when all that were sent would have gone out at the even pace; one statement, so that requests
    that come together are all counted. Raises TooManyRequests.
    """
    now = now or timezone.now()
    each = PACED_OVER / settings.API_REQUESTS_PER_MINUTE
    due = Greatest(F("paced_until"), Value(now))
    latest = now + PACED_OVER - each
    if not ApiToken.objects.filter(pk=token.pk, paced_until__lte=latest).update(
        paced_until=due + Value(each)
    ):
        token.refresh_from_db(fields=["paced_until"])
        raise TooManyRequests((token.paced_until - latest).total_seconds())
