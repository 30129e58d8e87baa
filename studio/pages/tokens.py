"""A person's own API tokens."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from studio.actions.tokens import create_token, revoke_token
from studio.errors import FieldErrors
from studio.finding import find_token
from studio.forms.tokens import TokenForm
from studio.models import ApiToken, Role
from studio.pages.render import render_page

SHOWN = 200


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    tokens = ApiToken.objects.visible_to(request.user).usable_first()
    return render_page(request, "tokens/index.html", {"tokens": tokens[:SHOWN]})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """The answer to the form is the only page that ever shows the token."""
    form = TokenForm(request.POST if request.method == "POST" else None, role=Role.of(request.user))
    if request.method == "POST" and form.is_valid():
        try:
            token, raw = create_token(
                user=request.user,  # type: ignore[arg-type]
                name=form.cleaned_data["name"],
                scope=form.cleaned_data["scope"],
                expires_at=timezone.now() + form.lifetime,
            )
        except FieldErrors as refusal:
            form.add_error("name", str(refusal))
        else:
            return render_page(request, "tokens/made.html", {"token": token, "raw": raw}, fragment="dialog")
    status = 422 if form.errors else 200
    return render_page(request, "tokens/new.html", {"form": form}, fragment="dialog", status=status)


@require_http_methods(["GET", "HEAD", "POST"])
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    token = find_token(request.user, number)
    if request.method == "POST":
        revoke_token(user=request.user, token=token)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s is revoked.") % {"name": token.name})
        return redirect("tokens:index")
    return render_page(request, "tokens/revoke.html", {"token": token}, fragment="dialog")
