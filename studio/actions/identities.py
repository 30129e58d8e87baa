"""People whom an OpenID Connect provider knows: which account is theirs, and as what they come."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from studio.actions.events import record
from studio.actions.people import one_at_a_time
from studio.errors import NotAllowed, StudioError
from studio.models import Role
from studio.oidc import OpenIdProvider
from studio.roles import check_can_disconnect, check_leaves_an_administrator


class SignInRefused(StudioError):
    """The provider knows this person, and the studio does not let them in."""


@dataclass(frozen=True)
class Identity:
    """Who somebody is, as a provider says."""

    subject: str
    username: str
    name: str
    email: str
    email_is_verified: bool
    groups: frozenset[str]

    @classmethod
    def of(cls, claims: dict[str, Any], *, groups_claim: str) -> "Identity":
        said = claims.get(groups_claim)
        groups = [said] if isinstance(said, str) else said if isinstance(said, list) else []
        email = _email(claims)
        return cls(
            subject=claims["sub"],
            username=_username(_text(claims, "preferred_username") or email or claims["sub"]),
            name=_text(claims, "name")[:150],
            email=email,
            email_is_verified=claims.get("email_verified") is True,
            groups=frozenset(group for group in groups if isinstance(group, str)),
        )


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims.get(name)
    return value.replace("\0", "").strip() if isinstance(value, str) else ""


def _email(claims: dict[str, Any]) -> str:
    email = _text(claims, "email")
    try:
        validate_email(email)
    except ValidationError:
        return ""
    return email if len(email) <= 254 else ""


def _username(said: str) -> str:
    """With the characters that usernames may have."""
    return re.sub(r"[^\w.@+-]", "-", unicodedata.normalize("NFKC", said))[:150]


@transaction.atomic
def sign_in_by_provider(*, provider: OpenIdProvider, identity: Identity) -> User:
    """The account of this identity, made or linked the first time. Raises SignInRefused."""
    role = _role(provider, identity)
    one_at_a_time()  # two first sign-ins of one person would make two accounts
    person = _known(provider, identity) or _linked(provider, identity) or _made(provider, identity, role)
    if not person.is_active:
        raise SignInRefused(_("Your account here is deactivated. Ask an Administrator."))
    if provider.roles:
        _follow(person, Role(role), provider)
    record(actor=person, action="account.sign_in", subject=person.username, provider=provider.label)
    return person


@transaction.atomic
def connect_account(*, user: User, provider: OpenIdProvider, identity: Identity) -> None:
    """From now on this identity opens the person's account too. Raises SignInRefused."""
    _role(provider, identity)
    one_at_a_time()
    known = _known(provider, identity)
    if known and known.pk != user.pk:
        raise SignInRefused(
            _("Who you are at %(provider)s opens another account of this studio. Disconnect it there first.")
            % {"provider": provider.label}
        )
    if account_at(provider=provider, user=user):
        raise SignInRefused(
            _("Your account is connected with %(provider)s already. Disconnect it first.")
            % {"provider": provider.label}
        )
    _remember(provider, identity, user, "account.connect")


@transaction.atomic
def disconnect_account(*, user: User, provider: OpenIdProvider) -> None:
    """Raises NotAllowed where nothing else opens the account, or it is not connected."""
    account = account_at(provider=provider, user=user)
    check_can_disconnect(user, account)
    assert account, "or it was refused"
    account.delete()
    record(actor=user, action="account.disconnect", subject=user.username, provider=provider.label)


def account_at(*, provider: OpenIdProvider, user: User) -> SocialAccount | None:
    found: SocialAccount | None = SocialAccount.objects.filter(provider=provider.key, user=user).first()
    return found


def _role(provider: OpenIdProvider, identity: Identity) -> str:
    role = provider.role_of(identity.groups)
    if not role:
        raise SignInRefused(
            _("%(provider)s does not name you in a group that may use this studio. Ask an Administrator.")
            % {"provider": provider.label}
        )
    return role


def note_refusal(*, provider: OpenIdProvider, identity: Identity) -> None:
    """On its own: what was refused has left nothing else."""
    record(actor=None, action="account.sign_in_failed", subject=identity.username, provider=provider.label)


def _known(provider: OpenIdProvider, identity: Identity) -> User | None:
    found = SocialAccount.objects.select_related("user")
    account = found.filter(provider=provider.key, uid=identity.subject).first()
    return account.user if account else None


def _linked(provider: OpenIdProvider, identity: Identity) -> User | None:
    """The one account with this e-mail address, which an Administrator has written there. What a name says or a
    provider has not verified gives nobody an account that is there."""
    people = get_user_model().objects
    if identity.email:
        theirs = list(people.filter(email__iexact=identity.email)[:2])
        # An address may have been somebody else's before: whoever came with it first keeps the account.
        is_taken = SocialAccount.objects.filter(provider=provider.key, user__in=theirs).exists()
        if len(theirs) > 1 or is_taken or (theirs and not identity.email_is_verified):
            raise SignInRefused(
                _(
                    "There is an account with the e-mail address %(email)s already, and %(provider)s does not prove "
                    "that it is yours alone. Ask an Administrator."
                )
                % {"email": identity.email, "provider": provider.label}
            )
        if theirs:
            return _remember(provider, identity, theirs[0], "person.link")
    if people.filter(username__iexact=identity.username).exists():
        raise SignInRefused(
            _(
                "There is an account %(name)s already, and nothing says that it is yours. Ask an Administrator to "
                "invite you under another name, with the e-mail address that %(provider)s has of you."
            )
            % {"name": identity.username, "provider": provider.label}
        )
    return None


def _made(provider: OpenIdProvider, identity: Identity, role: str) -> User:
    # An address that is not proven would open this account for its owner later.
    email = identity.email if identity.email_is_verified else ""
    person = get_user_model().objects.create_user(identity.username, email, first_name=identity.name)
    person.groups.set([Group.objects.get(name=role)])
    return _remember(provider, identity, person, "person.create", role=role)


def _remember(
    provider: OpenIdProvider, identity: Identity, person: User, action: str, **details: str
) -> User:
    SocialAccount.objects.create(user=person, provider=provider.key, uid=identity.subject)
    record(actor=person, action=action, subject=person.username, provider=provider.label, **details)
    return person


def _follow(person: User, role: Role, provider: OpenIdProvider) -> None:
    """The role that the provider's groups say today; but the studio keeps its last Administrator."""
    before = Role.of(person)
    if before == role:
        return
    try:
        check_leaves_an_administrator(person)
    except NotAllowed:
        return
    person.groups.set([Group.objects.get(name=role)])
    person.is_superuser = False
    person.save(update_fields=["is_superuser"])
    record(
        actor=person,
        action="person.change_role",
        subject=person.username,
        provider=provider.label,
        before={"role": before},
        after={"role": role},
    )
