from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from studio.pages.component_samples import samples
from studio.pages.render import render_page

THEMES = ("light", "dark", "auto")
A_YEAR = 365 * 24 * 3600


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Without JavaScript the theme button posts here; with it the same cookie is written in the browser."""
    back = request.headers.get("Referer", "")
    response = HttpResponseRedirect(
        back if url_has_allowed_host_and_scheme(back, {request.get_host()}) else "/"
    )
    choice = request.POST.get("theme")
    if choice in THEMES:
        response.set_cookie("theme", choice, max_age=A_YEAR, samesite="Lax", secure=request.is_secure())
    return response


@require_GET
def index(request: HttpRequest) -> HttpResponse:
    """Every component in all its states; mounted in DEBUG only."""
    return render_page(request, "ui/index.html", samples(request))
