"""Signing in through an OpenID Connect provider. allauth leads there and back: state, PKCE, the exchange of the code.
Who may come in, and as whom, is the studio's own (`studio.actions.identities`); no page of allauth's is reachable."""

import logging
import secrets
from typing import Any
from urllib.parse import urlsplit

import requests
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from studio.actions.identities import (
    Identity,
    SignInRefused,
    account_at,
    connect_account,
    disconnect_account,
    note_refusal,
    sign_in_by_provider,
)
from studio.actions.signing_in import TooManyAttempts, begin_at_provider, finish_at_provider
from studio.oidc import OpenIdProvider
from studio.pages.account import SignIn, take_own_theme
from studio.pages.origin import address_of
from studio.pages.render import render_page
from studio.permissions import reason_against
from studio.roles import check_can_disconnect

logger = logging.getLogger(__name__)

LONGEST_SUBJECT = 191  # allauth's column
CONFIGURATION_LASTS = 300  # seconds
# What answers that are none of the protocol's lead to.
ODD = (OAuth2Error, KeyError, TypeError, ValueError, AttributeError)


class OpenIdConnect(OpenIDConnectOAuth2Adapter):
    """allauth's, which takes some of what the standard wants to be checked on trust."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """Kept for a while: a page that anybody may ask for does not ask the provider each time."""
        kept: dict[str, Any] | None = cache.get(_provider().key)
        if kept is not None:
            return kept
        config: dict[str, Any] = super().openid_config
        if config["issuer"].rstrip("/") != _provider().issuer:
            raise OAuth2Error("another issuer")
        cache.set(_provider().key, config, CONFIGURATION_LASTS)
        return config

    def get_callback_url(self, request: HttpRequest, app: SocialApp) -> str:
        path = reverse("oidc_callback")
        public = settings.PUBLIC_URL.rstrip("/")
        return public + path if public else request.build_absolute_uri(path)

    def complete_login(self, request: HttpRequest, app: SocialApp, token: Any, **kwargs: Any) -> SocialLogin:
        # So that the signature is verified, whoever has handed the token over.
        self.did_fetch_access_token = False
        claims = self._decode_id_token(app, kwargs["response"]["id_token"])
        if not 0 < len(claims["sub"]) <= LONGEST_SUBJECT or not claims["exp"]:
            raise OAuth2Error("no subject that can be kept, or no end")
        if "userinfo_endpoint" in self.openid_config:
            told = self._fetch_user_info(token.token)
            if told["sub"] != claims["sub"]:
                raise OAuth2Error("two subjects")
            claims = {**told, **claims}
        found = self.get_provider().sociallogin_from_response(request, claims)
        found.account.extra_data = {}  # nothing of it is kept
        found.claims = claims
        return found


class Accounts(DefaultSocialAccountAdapter):
    """Where allauth asks what to do."""

    def list_apps(self, request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[SocialApp]:
        known = _provider()
        return [
            SocialApp(
                provider="openid_connect",
                provider_id=known.key,
                name=known.label,
                client_id=known.client_id,
                secret=known.client_secret,
                settings={
                    "server_url": known.issuer,
                    "oauth_pkce_enabled": True,
                    "scope": list(known.scopes),
                },
            )
        ]

    def get_requests_session(self) -> requests.Session:
        session: requests.Session = super().get_requests_session()
        session.trust_env = not _provider().is_on_this_machine  # no proxy leads to this machine
        return session

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: Any) -> Any:
        """Not allauth's part, nor what it makes of names."""
        return sociallogin.user

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """allauth's part ends here."""
        if not constant_time_compare(str(sociallogin.claims.get("nonce")), sociallogin.state["nonce"]):
            raise OAuth2Error("another nonce")
        request.proven_login = sociallogin  # type: ignore[attr-defined]
        raise ImmediateHttpResponse(HttpResponse())

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: dict[str, Any] | None = None,
    ) -> None:
        if error == AuthError.CANCELLED:
            reason = _("The sign-in at %(provider)s was canceled.") % {"provider": provider.name}
        elif "state_id" in (extra_context or {}):
            reason = _("This sign-in was begun in another browser, or too long ago. Begin it again.")
        else:
            reason = _why(exception)
        raise ImmediateHttpResponse(_refuse(request, reason))


@login_not_required
@never_cache
@require_safe
def begin(request: HttpRequest) -> HttpResponseBase:
    """A link, no form: the provider's address is in no `form-action`, and what it begins is bound to this browser."""
    if request.user.is_authenticated:
        return redirect("home")
    if settings.OIDC is None:
        return _refuse(request, _none())
    try:
        begin_at_provider(ip=address_of(request), now=timezone.now())
    except TooManyAttempts as refusal:
        return SignIn.as_view(locked=str(refusal))(request)
    wanted = request.GET.get("next", "")
    own = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, request.is_secure())
    return _lead(request, AuthProcess.LOGIN, next_url=wanted if own else None)


def _lead(request: HttpRequest, process: str, next_url: str | None = None) -> HttpResponse:
    """To the provider; or back, with the reason why not."""
    nonce = secrets.token_urlsafe(32)
    provider = OpenIdConnect(request, _provider().key).get_provider()
    provider.oauth2_adapter_class = OpenIdConnect
    try:
        response: HttpResponse = provider.redirect(
            request, process, next_url=next_url, auth_params={"nonce": nonce}, nonce=nonce
        )
    except (requests.RequestException, *ODD) as problem:
        return _refuse(request, _why(problem))
    return response


@login_not_required
@never_cache
@require_safe
def callback(request: HttpRequest) -> HttpResponse:
    if settings.OIDC is None:
        return _refuse(request, _none())
    view = OAuth2CallbackView.adapter_view(OpenIdConnect(request, settings.OIDC.key))
    try:
        response: HttpResponse = view(request)
    except (requests.RequestException, *ODD) as problem:
        return _refuse(request, _why(problem))
    proven = getattr(request, "proven_login", None)
    if proven is None:
        return response
    return (_connect if proven.state["process"] == AuthProcess.CONNECT else _let_in)(request, proven)


def _let_in(request: HttpRequest, found: SocialLogin) -> HttpResponse:
    provider = _provider()
    identity = Identity.of(found.claims, groups_claim=provider.groups_claim)
    try:
        with transaction.atomic():
            person = sign_in_by_provider(provider=provider, identity=identity)
            finish_at_provider(ip=address_of(request))
            login(request, person)
    except SignInRefused as refusal:
        note_refusal(provider=provider, identity=identity)
        return _refuse(request, str(refusal))
    response = redirect(found.state.get("next") or "home")
    take_own_theme(request, response, person)
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: HttpRequest) -> HttpResponse:
    """By a form, so that no other site can have a browser connect somebody's account with whom that site signed in at
    the provider. `form-action` lets no form lead there: htmx goes by itself, without it the answer has a link."""
    if settings.OIDC is None:
        return _refuse(request, _none())
    context: dict[str, Any] = {"provider": settings.OIDC}
    if request.method == "POST":
        response = _lead(request, AuthProcess.CONNECT)
        if getattr(request, "htmx", None) or urlsplit(response["Location"]).netloc == "":
            return response
        context["leads_to"] = response["Location"]
    return render_page(request, "account/connect.html", context, fragment="dialog")


def _connect(request: HttpRequest, found: SocialLogin) -> HttpResponse:
    provider = _provider()
    if not request.user.is_authenticated:
        return _refuse(request, _("You are no longer signed in. Sign in, and connect your account again."))
    identity = Identity.of(found.claims, groups_claim=provider.groups_claim)
    try:
        connect_account(user=request.user, provider=provider, identity=identity)
    except SignInRefused as refusal:
        return _refuse(request, str(refusal))
    messages.success(request, _("%(provider)s opens your account now.") % {"provider": provider.label})
    return redirect("account")


@require_http_methods(["GET", "HEAD", "POST"])
def disconnect(request: HttpRequest) -> HttpResponse:
    if settings.OIDC is None:
        return _refuse(request, _none())
    if request.method == "POST":
        disconnect_account(user=request.user, provider=settings.OIDC)  # type: ignore[arg-type]
        sentence = _("%(provider)s opens your account no longer.") % {"provider": settings.OIDC.label}
        messages.success(request, sentence)
        return redirect("account")
    account = account_at(provider=settings.OIDC, user=request.user)  # type: ignore[arg-type]
    context = {
        "provider": settings.OIDC,
        "reason": reason_against(check_can_disconnect, request.user, account),
    }
    return render_page(request, "account/disconnect.html", context, fragment="dialog")


def _provider() -> OpenIdProvider:
    """Asked for only where there is one."""
    assert settings.OIDC is not None
    return settings.OIDC


def _why(problem: Exception | None) -> str:
    if problem is not None:  # its words may hold what the provider answered, tokens among it
        logger.warning("a sign-in by OpenID Connect failed: %s", type(problem).__name__)
    named = {"provider": _provider().label}
    if isinstance(problem, requests.RequestException):
        return _("%(provider)s does not answer. Try again later, or sign in with a password.") % named
    return (
        _("What %(provider)s answered is not in order, so nobody was signed in. Tell an Administrator.")
        % named
    )


def _none() -> str:
    return _("This studio has no provider to sign in with. Use a password.")


def _refuse(request: HttpRequest, reason: str) -> HttpResponse:
    messages.error(request, reason)
    return redirect("account" if request.user.is_authenticated else "login")
