from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User
from django.contrib.auth.tokens import default_token_generator
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from studio.actions.events import record
from studio.errors import FieldErrors
from studio.models import ApiToken, Role, Session
from studio.models.people import PERMISSIONS
from studio.roles import (
    check_can_change_role,
    check_can_deactivate,
    check_can_reactivate,
    check_can_renew_link,
    check_may_administer,
)


def set_up_roles(**_signal: Any) -> None:
    """After each migration: the groups of the roles have the permissions that the code says, and no others."""
    for role, codenames in PERMISSIONS.items():
        group, _made = Group.objects.get_or_create(name=role.value)
        group.permissions.set(
            Permission.objects.filter(content_type__app_label="studio", codename__in=codenames)
        )


def invite_person(*, user: User, username: str, name: str, email: str, role: Role) -> User:
    """Somebody without a password, until they choose one through their link. Raises FieldErrors."""
    check_may_administer(user)
    try:
        with transaction.atomic():
            person = get_user_model().objects.create_user(username, email, first_name=name)
            person.groups.set([Group.objects.get(name=role)])
            record(actor=user, action="person.invite", subject=username, role=role)
    except IntegrityError as error:
        raise FieldErrors({"username": _("There is a person of this name. Choose another name.")}) from error
    return person


def one_time_key(person: User) -> tuple[str, str]:
    """What a link carries. Signed with the password's hash and the last sign-in, it ends when either changes, and after
    PASSWORD_RESET_TIMEOUT."""
    return urlsafe_base64_encode(force_bytes(person.pk)), default_token_generator.make_token(person)


@transaction.atomic
def renew_link(*, user: User, person: User) -> None:
    """Ends the password, the sessions and the links that there were, so that only the next link opens the account."""
    check_can_renew_link(user, person)
    person.set_unusable_password()
    person.save(update_fields=["password"])
    end_sessions(person=person)
    record(actor=user, action="person.renew_link", subject=person.username)


@transaction.atomic
def change_role(*, user: User, person: User, role: Role) -> None:
    """From the next request on. Raises NotAllowed."""
    one_at_a_time()
    check_can_change_role(user, person)
    before = Role.of(person)
    person.groups.set([Group.objects.get(name=role)])
    person.is_superuser = False  # from here on the group says it
    person.save(update_fields=["is_superuser"])
    record(
        actor=user,
        action="person.change_role",
        subject=person.username,
        before={"role": before},
        after={"role": role},
    )


@transaction.atomic
def deactivate_person(*, user: User, person: User) -> None:
    """Sessions, tokens and an unused link end at once and for good; what the person made stays. Raises NotAllowed."""
    one_at_a_time()
    check_can_deactivate(user, person)
    person.is_active = False
    if not person.has_usable_password():
        person.set_unusable_password()  # another one, with which the link was not signed
    person.save(update_fields=["is_active", "password"])
    end_sessions(person=person)
    tokens = ApiToken.objects.filter(owner=person, revoked_at=None).update(revoked_at=Now())
    record(actor=user, action="person.deactivate", subject=person.username, tokens_revoked=tokens)


@transaction.atomic
def reactivate_person(*, user: User, person: User) -> None:
    check_can_reactivate(user, person)
    person.is_active = True
    person.save(update_fields=["is_active"])
    record(actor=user, action="person.reactivate", subject=person.username)


def end_sessions(*, person: User) -> None:
    """Django would let the person of a deactivated account in again once it is reactivated."""
    Session.objects.filter(person=person).delete()


def forget_sessions() -> None:
    """Those that have expired."""
    Session.objects.filter(expire_date__lt=Now()).delete()


def one_at_a_time() -> None:
    """Two Administrators who remove each other at the same moment would leave none."""
    Group.objects.select_for_update().get(name=Role.ADMINISTRATOR)


def note_welcome(*, person: User) -> None:
    """They have chosen their password through their link."""
    record(actor=person, action="account.welcome", subject=person.username)
