"""Who may sign in, and as what; for Administrators."""

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from studio import roles
from studio.actions import people as actions
from studio.errors import FieldErrors
from studio.finding import find_person
from studio.forms.numbers import whole_number
from studio.forms.people import InviteForm, RoleForm
from studio.models import Role
from studio.models.people import people_matching
from studio.pages.guard import needs
from studio.pages.listing import Listing
from studio.pages.render import render_page
from studio.pages.whole_address import address
from studio.permissions import reason_against
from studio.roles import check_may_administer

SORTS = {"username": "username", "name": "first_name", "seen": "last_login", "since": "date_joined"}
BOTH = ["GET", "HEAD", "POST"]
STATES = {"active": gettext_lazy("Active"), "inactive": gettext_lazy("Deactivated")}


@require_safe
@needs(check_may_administer)
def index(request: HttpRequest) -> HttpResponse:
    filters = ["role", "state"]
    listing = Listing.of(request, name="people", sorts=SORTS, default="username", filters=filters)
    people = people_matching(words=listing.search, **listing.filters)
    listing.show(people.prefetch_related("groups", "socialaccount_set"))
    context = {
        "listing": listing,
        "rows": [(person, Role.of(person)) for person in listing.rows],
        "roles": Role.choices,
        "states": STATES.items(),
    }
    return render_page(request, "people/index.html", context, fragment="rows")


def _reason(request: HttpRequest, check: Callable[..., None], person: User) -> str:
    return reason_against(check, request.user, person)


@never_cache
@require_http_methods(BOTH)
@needs(check_may_administer)
def invite(request: HttpRequest) -> HttpResponse:
    initial = {"role": Role.DATA_SCIENTIST}
    form = InviteForm(request.POST if request.method == "POST" else None, initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            person = actions.invite_person(user=request.user, **form.cleaned_data)  # type: ignore[arg-type]
        except FieldErrors as refusal:
            form.add_error("username", str(refusal))
        else:
            return _show_link(request, person)
    status = 422 if form.errors else 200
    return render_page(request, "people/invite.html", {"form": form}, fragment="dialog", status=status)


def one_time_link(request: HttpRequest, person: User) -> str:
    return address(request, reverse("welcome", args=actions.one_time_key(person)))


def _show_link(request: HttpRequest, person: User) -> HttpResponse:
    """The only page that has the link; nothing sends it by mail."""
    context = {
        "person": person,
        "link": one_time_link(request, person),
        "days": settings.PASSWORD_RESET_TIMEOUT // 86_400,
    }
    return render_page(request, "people/link.html", context, fragment="dialog")


@never_cache
@require_http_methods(BOTH)
@needs(check_may_administer)
def renew_link(request: HttpRequest, number: int | None = None) -> HttpResponse:
    """For who has lost the link or forgotten the password."""
    person = _person(request, number)
    if request.method == "POST":
        actions.renew_link(user=request.user, person=person)  # type: ignore[arg-type]
        return _show_link(request, person)
    reason = _reason(request, roles.check_can_renew_link, person)
    context = {"person": person, "reason": reason}
    return render_page(request, "people/renew_link.html", context, fragment="dialog")


@require_http_methods(BOTH)
@needs(check_may_administer)
def change_role(request: HttpRequest, number: int | None = None) -> HttpResponse:
    person = _person(request, number)
    posted = request.POST if request.method == "POST" else None
    form = RoleForm(posted, initial={"role": Role.of(person)})
    if posted is not None and form.is_valid():
        role = form.cleaned_data["role"]
        actions.change_role(user=request.user, person=person, role=role)  # type: ignore[arg-type]
        said = _("%(name)s is %(role)s now.") % {"name": person.username, "role": role.label}
        messages.success(request, said)
        return redirect("people:index" if person.pk != request.user.pk else "home")
    reason = _reason(request, roles.check_can_change_role, person)
    context = {"person": person, "form": form, "reason": reason}
    status = 422 if form.errors else 200
    return render_page(request, "people/change_role.html", context, fragment="dialog", status=status)


@require_http_methods(BOTH)
@needs(check_may_administer)
def deactivate(request: HttpRequest, number: int | None = None) -> HttpResponse:
    person = _person(request, number)
    if request.method == "POST":
        actions.deactivate_person(user=request.user, person=person)  # type: ignore[arg-type]
        messages.success(request, _("The account %(name)s is deactivated.") % {"name": person.username})
        return redirect("people:index")
    context = {"person": person, "reason": _reason(request, roles.check_can_deactivate, person)}
    return render_page(request, "people/deactivate.html", context, fragment="dialog")


@require_http_methods(BOTH)
@needs(check_may_administer)
def reactivate(request: HttpRequest, number: int | None = None) -> HttpResponse:
    person = _person(request, number)
    if request.method == "POST":
        actions.reactivate_person(user=request.user, person=person)  # type: ignore[arg-type]
        messages.success(request, _("The account %(name)s is active again.") % {"name": person.username})
        return redirect("people:index")
    context = {"person": person, "reason": _reason(request, roles.check_can_reactivate, person)}
    return render_page(request, "people/reactivate.html", context, fragment="dialog")


def _person(request: HttpRequest, number: int | None) -> User:
    """The one that the address names, or the selected row of the list."""
    wanted = number if number is not None else whole_number(request.GET.get("selected"))
    return find_person(pk=wanted)
