from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from studio.actions.account import choose_theme
from studio.pages.component_samples import samples
from studio.pages.render import render_page

THEMES = ("light", "dark", "auto")
A_YEAR = 365 * 24 * 3600


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """The theme buttons post here; with JavaScript the same cookie is written in the browser at once."""
    back = request.headers.get("Referer", "")
    response = HttpResponseRedirect(
        back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "/"
    )
    choice = request.POST.get("theme", "")
    if choice in THEMES:
        remember_theme(request, response, choice)
        if request.user.is_authenticated:
            choose_theme(user=request.user, theme=choice)
    return response


def remember_theme(request: HttpRequest, response: HttpResponse, theme: str) -> None:
    """In this browser; the person's profile carries it to the next one."""
    response.set_cookie("theme", theme, max_age=A_YEAR, samesite="Lax", secure=request.is_secure())


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Every component in all its states; mounted in DEBUG only."""
    return render_page(request, "ui/index.html", samples(request))
