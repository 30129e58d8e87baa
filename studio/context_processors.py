from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from studio import roles
from studio.pages.notices import Bell
from studio.pages.ui import THEMES
from studio.permissions import reason_against

PART_OF = {"datastores": "data", "deployments": "endpoints"}  # sections without a link of their own


@dataclass
class NavigationLink:
    label: str
    icon: str
    url: str
    is_current: bool


@dataclass
class NavigationGroup:
    label: str
    links: list[NavigationLink]


class WhyNot:
    """Why this person's role does not let them; empty where it does. For commands that are about no one thing."""

    def __init__(self, user: roles.Person) -> None:
        self.user = user

    @cached_property
    def run(self) -> str:
        return reason_against(roles.check_may_run, self.user)

    @cached_property
    def manage(self) -> str:
        return reason_against(roles.check_may_manage, self.user)

    @cached_property
    def administer(self) -> str:
        return reason_against(roles.check_may_administer, self.user)


def shell(request: HttpRequest) -> dict[str, Any]:
    """What every page's frame needs."""
    profile = getattr(request, "profile", None)
    theme = request.COOKIES.get("theme") or (profile.theme if profile else "auto")
    return {
        "workspace": getattr(settings, "WORKSPACE_NAME", "workspace"),
        "theme": theme if theme in THEMES else "auto",
        "time_zone": profile.time_zone if profile else "",
        "bell": Bell(request) if hasattr(request, "user") else None,
        "navigation": navigation(request),
        "role_forbids": WhyNot(getattr(request, "user", AnonymousUser())),
        # Django 6 and django-htmx call it so; the capitalised name of django-csp is not used.
        "csp_nonce": getattr(request, "csp_nonce", None),
    }


def navigation(request: HttpRequest) -> list[NavigationGroup]:
    match = request.resolver_match
    section = (match.namespaces or [match.url_name or ""])[0] if match else ""
    section = PART_OF.get(section, section)

    def links(*entries: tuple[str, str, str]) -> list[NavigationLink]:
        found = []
        for name, label, icon in entries:
            try:
                url = reverse(name)
            except NoReverseMatch:
                continue
            found.append(NavigationLink(label, icon, url, is_current=name.partition(":")[0] == section))
        return found

    return [
        NavigationGroup("", links(("home", _("Home"), "home"))),
        NavigationGroup(
            _("Assets"),
            links(
                ("data:index", _("Data"), "database"),
                ("jobs:index", _("Jobs"), "flask"),
                ("models:index", _("Models"), "package"),
                ("endpoints:index", _("Endpoints"), "cloud-computing"),
            ),
        ),
        NavigationGroup(
            _("Manage"), links(("compute:index", _("Compute"), "server-2"), *_administration(request))
        ),
    ]


def _administration(request: HttpRequest) -> list[tuple[str, str, str]]:
    """What only Administrators are shown."""
    if reason_against(roles.check_may_administer, getattr(request, "user", AnonymousUser())):
        return []
    return [("people:index", _("People"), "users"), ("audit:index", _("Audit"), "list-check")]
