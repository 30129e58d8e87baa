import unicodedata
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.models import User
from django.contrib.auth.views import LoginView, LogoutView, PasswordResetConfirmView
from django.db import transaction
from django.forms import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from studio.actions.account import change_password, choose_preferences
from studio.actions.identities import account_at
from studio.actions.people import note_welcome
from studio.actions.signing_in import (
    WINDOW,
    TooManyAttempts,
    begin_attempt,
    failed_to_sign_in,
    signed_in,
    signed_out,
)
from studio.forms.account import PasswordForm, PreferencesForm, SignInForm, time_zones
from studio.models import Profile, Role
from studio.pages.origin import address_of
from studio.pages.render import render_page
from studio.pages.ui import remember_theme
from studio.permissions import reason_against
from studio.roles import check_can_disconnect


class SignIn(LoginView):
    redirect_authenticated_user = True
    form_class = SignInForm
    locked = ""  # why nobody may try just now

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        hidden = settings.OIDC and not settings.PASSWORDS_FOR_ALL
        asked = self.request.method == "POST" or "password" in self.request.GET
        context: dict[str, Any] = super().get_context_data(**kwargs)
        shown = {"provider": settings.OIDC, "password_is_hidden": hidden and not asked, "locked": self.locked}
        return {**context, **shown}

    def render_to_response(self, context: dict[str, Any], **kwargs: Any) -> HttpResponse:
        if self.locked:
            kwargs |= {"status": 429, "headers": {"Retry-After": str(int(WINDOW.total_seconds()))}}
        response: HttpResponse = super().render_to_response(context, **kwargs)
        return response

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        now = timezone.now()
        typed = request.POST.get("username", "").replace("\0", "").strip()
        self.username = unicodedata.normalize("NFKC", typed)[:150]  # as the form reads it
        try:
            self.attempt = begin_attempt(username=self.username, ip=address_of(request), now=now)
        except TooManyAttempts as refusal:
            self.locked = str(refusal)
            form = SignInForm(request, initial={"username": self.username})
            return self.render_to_response(self.get_context_data(form=form))
        return super().post(request, *args, **kwargs)

    def form_invalid(self, form: AuthenticationForm) -> HttpResponse:
        failed_to_sign_in(username=self.username)
        return super().form_invalid(form)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            signed_in(user=form.get_user(), attempt=self.attempt)
        take_own_theme(self.request, response, form.get_user())
        return response


def take_own_theme(request: HttpRequest, response: HttpResponse, person: User) -> None:
    """A new browser gets the theme that the person has chosen in another one."""
    profile = Profile.objects.of(person)
    if profile:
        remember_theme(request, response, profile.theme)


class SignOut(LogoutView):
    """By POST only, as Django has it."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        with transaction.atomic():
            if request.user.is_authenticated:
                signed_out(user=request.user)
            return super().post(request, *args, **kwargs)


class Welcome(PasswordResetConfirmView):
    """Where the one-time link leads: whoever has it chooses the password. Django takes the key out of the address
    before it shows the page."""

    template_name = "registration/welcome.html"
    post_reset_login = True
    success_url = reverse_lazy("home")

    def get_user(self, uidb64: str) -> User | None:
        person: User | None = super().get_user(uidb64)
        return person if person and person.is_active else None

    def form_valid(self, form: Any) -> HttpResponse:
        with transaction.atomic():
            response = super().form_valid(form)
            note_welcome(person=form.user)
        return response


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
    profile = Profile.objects.of(request.user) or Profile(
        theme=request.COOKIES.get("theme", Profile.Theme.AUTO)
    )
    connected = settings.OIDC and account_at(provider=settings.OIDC, user=request.user)  # type: ignore[arg-type]
    context = {
        "preferences_form": PreferencesForm(initial=model_to_dict(profile)),
        "password_form": PasswordForm(request.user),
        "password_is_given": profile.password_is_given,
        "provider": settings.OIDC,
        "connected": connected,
        "reason_to_stay": reason_against(check_can_disconnect, request.user, connected),
        "role": Role.of(request.user),
        "time_zones": time_zones(),
        "now": timezone.now(),
        **forms,
    }
    return render_page(request, "account/index.html", context, status=status)
