import secrets

from django.contrib.auth import get_user_model

from studio.embedded import addresses

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
