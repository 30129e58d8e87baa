import secrets

from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.db import transaction

from studio.actions.events import record
from studio.embedded import addresses
from studio.models import Profile

ADMINISTRATOR = "admin"


def set_up_administrator() -> str:
    """Make the first administrator. Returns the password when one was generated, to be shown once."""
    people = get_user_model().objects
    given = addresses.admin_password()
    admin = people.filter(username=ADMINISTRATOR).first()
    if admin:
        if given and not admin.check_password(given):
            admin.set_password(given)
            admin.save(update_fields=["password"])
        return ""
    password = given or secrets.token_urlsafe(12)
    people.create_superuser(username=ADMINISTRATOR, password=password)
    return "" if given else password


def password_comes_with_each_start(*, user: User) -> bool:
    """Whether the next start of the studio sets this person's password again."""
    return user.username == ADMINISTRATOR and bool(addresses.admin_password())


def choose_theme(*, user: User, theme: str) -> None:
    Profile.objects.update_or_create(user=user, defaults={"theme": Profile.Theme(theme)})


@transaction.atomic
def choose_preferences(*, user: User, theme: str, time_zone: str) -> None:
    chosen = {"theme": Profile.Theme(theme), "time_zone": time_zone}
    Profile.objects.update_or_create(user=user, defaults=chosen)
    record(actor=user, action="account.preferences", subject=user.username, **chosen)


@transaction.atomic
def change_password(*, user: User, password: str) -> None:
    """Ends every session of this person; the page that asked keeps its own."""
    user.set_password(password)
    user.save(update_fields=["password"])
    record(actor=user, action="account.password", subject=user.username)
