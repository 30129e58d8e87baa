"""Where a request came from."""

from urllib.parse import urlsplit

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def came_from(request: HttpRequest) -> str:
    """The page a form was sent from, when it is one of ours."""
    referrer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referrer, {request.get_host()}):
        return ""
    parts = urlsplit(referrer)
    return own_address(f"{parts.path}?{parts.query}" if parts.query else parts.path)


def own_address(address: str) -> str:
    """The address, unless a browser would read another host in it, as in `//host/page`."""
    return address if url_has_allowed_host_and_scheme(address, None) else ""
