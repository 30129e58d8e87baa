"""What a person's role allows, and what may be done to people. What the state of a thing allows stands in
`studio.permissions`."""

from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Q
from django.utils.translation import gettext as _

from studio.errors import NotAllowed, RoleForbids
from studio.models import ApiToken, Role
from studio.models.people import PERMISSIONS

Person = User | AnonymousUser


def check_may_run(user: Person) -> None:
    """Jobs and data: what a pipeline does every day."""
    _check(user, "run")


def check_may_manage(user: Person) -> None:
    """Models, endpoints and deployments: what jobs run on."""
    _check(user, "manage")


def check_may_administer(user: Person) -> None:
    """People, datastores, clusters, and what belongs to others."""
    _check(user, "administer")


def check_owns(user: Person, thing: Any) -> None:
    """What belongs to nobody, as the samples do, is everybody's. Comes after one of the checks above."""
    if thing.created_by_id in (None, user.pk) or _may(user, "administer"):
        return
    raise RoleForbids(
        _("It belongs to %(owner)s. Only they or an Administrator can do this.")
        % {"owner": thing.created_by.get_username()}
    )


def _check(user: Person, permission: str) -> None:
    if not user.is_authenticated:
        raise RoleForbids(_("Sign in first."))
    if _may(user, permission):
        return
    _check_scope(_token(user), permission)
    if permission == "administer":
        raise RoleForbids(
            _("Only an Administrator can do this. Your role is %(role)s.") % {"role": _role(user).label}
        )
    raise RoleForbids(
        _("A Data scientist or an Administrator can do this. Your role is %(role)s.")
        % {"role": _role(user).label}
    )


def check_can_change_own(user: Person) -> None:
    """Their own tokens and preferences, whatever their role; but a token of less scope makes none of more, and
    revokes none."""
    _check_scope(_token(user), "manage")


def _check_scope(token: ApiToken | None, permission: str) -> None:
    if token and not token.allows(permission):
        raise RoleForbids(
            _(
                "The scope of the token %(name)s is “%(scope)s”, which does not allow this. Use one with more scope."
            )
            % {"name": token.name, "scope": token.get_scope_display()}
        )


def _may(user: Person, permission: str) -> bool:
    token = _token(user)
    is_administrator = user.is_active and user.is_superuser
    is_allowed = is_administrator or f"studio.{permission}" in user.get_group_permissions()
    return is_allowed and (token is None or token.allows(permission))


def _role(user: Person) -> Role:
    """As what they may do says it, which has been read already."""
    allowed = {name.removeprefix("studio.") for name in user.get_group_permissions()}
    return next(role for role in reversed(Role) if allowed.issuperset(PERMISSIONS[role]))


def _token(user: Person) -> ApiToken | None:
    """The one that the request has shown, if it came with one; pages.bearer puts it there."""
    return getattr(user, "api_token", None)


def check_can_change_role(user: Person, person: User) -> None:
    check_may_administer(user)
    check_leaves_an_administrator(person)


def check_can_deactivate(user: Person, person: User) -> None:
    check_may_administer(user)
    if not person.is_active:
        raise NotAllowed(_("The account is deactivated already."))
    if person.pk == user.pk:
        raise NotAllowed(_("This is your own account. Another Administrator can deactivate it."))
    check_leaves_an_administrator(person)


def check_can_reactivate(user: Person, person: User) -> None:
    check_may_administer(user)
    if person.is_active:
        raise NotAllowed(_("The account is active."))


def check_can_renew_link(user: Person, person: User) -> None:
    check_may_administer(user)
    if not person.is_active:
        raise NotAllowed(_("The account is deactivated. Reactivate it first."))
    if person.pk == user.pk:
        raise NotAllowed(_("This is your own account. Change your password in your profile."))


def may_use_password(person: User) -> bool:
    """Whether the sign-in page takes one of theirs; where passwords are left to Administrators it does not."""
    return bool(settings.PASSWORDS_FOR_ALL or Role.of(person) == Role.ADMINISTRATOR)


def check_can_disconnect(user: User, account: SocialAccount | None) -> None:
    """The person's account in the studio from that at the provider which opens it, if any."""
    if account is None:
        raise NotAllowed(_("Your account is not connected, so there is nothing to disconnect."))
    if not may_use_password(user):
        raise NotAllowed(
            _("Only Administrators sign in with a password here: nothing else would open your account.")
        )
    if not user.has_usable_password():
        raise NotAllowed(
            _(
                "You have no password, so nothing else would open your account. Ask an Administrator for a one-time "
                "link, and choose one."
            )
        )


def check_leaves_an_administrator(person: User) -> None:
    administers = Q(is_superuser=True) | Q(groups__name=Role.ADMINISTRATOR)
    others = get_user_model().objects.filter(administers, is_active=True).exclude(pk=person.pk)
    others = others.exclude(  # who was invited may never come
        password__startswith=UNUSABLE_PASSWORD_PREFIX, socialaccount=None
    )
    if Role.of(person) == Role.ADMINISTRATOR and person.is_active and not others.exists():
        raise NotAllowed(
            _(
                "This is the last Administrator. Make somebody else one first, or nobody could look after people."
            )
        )
