"""Images that people look at."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static

from studio.actions.pictures import LARGE, SMALL, NoPicture, picture
from studio.errors import NotFound
from studio.models import Datastore

MINUTES = 10  # that a browser may keep one


def picture_response(request: HttpRequest, *, datastore: Datastore, path: str) -> HttpResponse:
    """A small one, or a `large` one; a drawing that stands for it where there is none to be shown."""
    side = LARGE if request.GET.get("large") else SMALL
    try:
        drawn = picture(datastore=datastore, path=path, side=side)
    except (NoPicture, NotFound):
        return redirect(static("img/no-picture.svg"))
    response = HttpResponse(drawn, content_type="image/png")
    response["Cache-Control"] = f"private, max-age={60 * MINUTES}"
    response["Content-Disposition"] = 'inline; filename="picture.png"'
    return response
