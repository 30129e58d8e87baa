import secrets
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction

from studio.actions.events import record
from studio.embedded import addresses
from studio.models import Profile
from studio.roles import check_can_change_own

ADMINISTRATOR = "admin"


def set_up_administrator() -> str:
    """Make the first administrator. Returns the password when one was generated, to be shown once."""
    people = get_user_model().objects
    given = addresses.admin_password()
    made = ""
    admin = people.filter(username=ADMINISTRATOR).first()
    if admin is None:
        made = "" if given else secrets.token_urlsafe(12)
        admin = people.create_superuser(username=ADMINISTRATOR, password=given or made)
    elif given:
        _let_in_again(admin, given)
    _note_given_password(admin, bool(given))
    return made


def _note_given_password(admin: User, is_given: bool) -> None:
    """For the profile's warning; the web server itself is not told of the password."""
    if is_given:
        Profile.objects.update_or_create(user=admin, defaults={"password_is_given": True})
    else:
        Profile.objects.filter(user=admin).update(password_is_given=False)


@transaction.atomic
def _let_in_again(admin: User, password: str) -> None:
    """Who starts the studio may look after it: the way back in when nobody else is left."""
    if not admin.check_password(password):
        admin.set_password(password)
        admin.save(update_fields=["password"])
        record(actor=None, action="account.password", subject=admin.username)
    if not (admin.is_active and admin.is_superuser):
        admin.is_active = admin.is_superuser = True
        admin.save(update_fields=["is_active", "is_superuser"])
        record(actor=None, action="person.let_in_again", subject=admin.username)


def choose_theme(*, user: User, theme: str) -> None:
    _choose(user, theme=Profile.Theme(theme))


def choose_preferences(
    *, user: User, theme: str, language: str, time_zone: str, notices: str, tells_browser: bool
) -> None:
    check_can_change_own(user)
    _choose(
        user,
        theme=Profile.Theme(theme),
        language=language,
        time_zone=time_zone,
        notices=Profile.Notices(notices),
        tells_browser=tells_browser,
    )


@transaction.atomic
def _choose(user: User, **chosen: Any) -> None:
    known = Profile.objects.of(user) or Profile()
    before = {name: getattr(known, name) for name in chosen}
    Profile.objects.update_or_create(user=user, defaults=chosen)
    record(actor=user, action="account.preferences", subject=user.username, before=before, after=chosen)


def see_notices(*, user: User, now: datetime) -> Profile:
    return Profile.objects.update_or_create(user=user, defaults={"seen_at": now})[0]


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """Ends every session of this person; the page that asked keeps its own."""
    user.set_password(password)
    user.save(update_fields=["password"])
    record(actor=user, action="account.password", subject=user.username)
