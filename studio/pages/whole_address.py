from django.conf import settings
from django.http import HttpRequest


def address(request: HttpRequest, path: str) -> str:
    """The whole address of a path of the studio, as others reach it; else as who asks does."""
    public = settings.PUBLIC_URL.rstrip("/")
    return public + path if public else request.build_absolute_uri(path)
