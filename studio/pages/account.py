from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from studio.actions.account import change_password, choose_preferences, password_comes_with_each_start
from studio.forms.account import PasswordForm, PreferencesForm, time_zones
from studio.models import Profile
from studio.pages.render import render_page
from studio.pages.ui import remember_theme


class SignIn(LoginView):
    redirect_authenticated_user = True

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """A new browser gets the theme that the person has chosen in another one."""
        response = super().form_valid(form)
        profile = Profile.objects.of(form.get_user())
        if profile:
            remember_theme(self.request, response, profile.theme)
        return response


class SignOut(LogoutView):
    """By POST only, as Django has it."""


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return _page(request)


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return _page(request, preferences_form=form, status=422)
    choose_preferences(user=request.user, **form.cleaned_data)  # type: ignore[arg-type]
    messages.success(request, _("Saved."))
    response = redirect("account")
    remember_theme(request, response, form.cleaned_data["theme"])
    return response


@sensitive_post_parameters()
@require_POST
def password(request: HttpRequest) -> HttpResponse:
    form = PasswordForm(request.user, request.POST)
    if not form.is_valid():
        return _page(request, password_form=form, status=422)
    change_password(user=request.user, password=form.cleaned_data["new_password1"])  # type: ignore[arg-type]
    update_session_auth_hash(request, request.user)  # type: ignore[arg-type]
    messages.success(
        request, _("The password is changed. You stay signed in here; elsewhere it is asked for.")
    )
    return redirect("account")


def _page(request: HttpRequest, *, status: int = 200, **forms: Any) -> HttpResponse:
    profile = Profile.objects.of(request.user)
    chosen = {
        "theme": profile.theme if profile else request.COOKIES.get("theme", Profile.Theme.AUTO),
        "time_zone": profile.time_zone if profile else "",
    }
    context = {
        "preferences_form": PreferencesForm(initial=chosen),
        "password_form": PasswordForm(request.user),
        "password_is_given": password_comes_with_each_start(user=request.user),  # type: ignore[arg-type]
        "time_zones": time_zones(),
        "now": timezone.now(),
        **forms,
    }
    return render_page(request, "account/index.html", context, status=status)
