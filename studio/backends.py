"""Who sends a request, read with all that every request asks about them: one query in place of three."""

from functools import cache
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import User
from django.db.models import QuerySet

from studio.models.people import granted_to


class PersonBackend(ModelBackend):
    def get_user(self, user_id: Any) -> User | None:
        person: Any = _people().filter(pk=user_id).first()
        return person if person and self.user_can_authenticate(person) else None

    def get_group_permissions(self, user_obj: Any, obj: Any = None) -> set[str]:
        """Without a query for whom get_user() has read, or whose token was shown."""
        if not hasattr(user_obj, "granted") or user_obj.is_superuser or obj is not None:
            permissions: set[str] = super().get_group_permissions(user_obj, obj)
            return permissions
        return {f"studio.{name}" for name in user_obj.granted}


@cache
def _people() -> QuerySet[User]:
    """Put together once: each request only adds whom it is about."""
    return get_user_model().objects.select_related("profile").annotate(granted=granted_to("pk")).order_by()
