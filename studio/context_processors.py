from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from studio.pages.ui import THEMES

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


def shell(request: HttpRequest) -> dict[str, Any]:
    """What every page's frame needs."""
    profile = getattr(request, "profile", None)
    theme = request.COOKIES.get("theme") or (profile.theme if profile else "auto")
    return {
        "workspace": getattr(settings, "WORKSPACE_NAME", "workspace"),
        "theme": theme if theme in THEMES else "auto",
        "time_zone": profile.time_zone if profile else "",
        "navigation": navigation(request),
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
        NavigationGroup(_("Manage"), links(("compute:index", _("Compute"), "server-2"))),
    ]
