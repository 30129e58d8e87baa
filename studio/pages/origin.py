from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str | None:
    """The browser's address. Behind TLS a proxy stands in front, and the last that it names is the one it saw; what
    stands before that anybody may have written."""
    said = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_TLS:
        said = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or said
    try:
        return str(ip_address(said))
    except ValueError:
        return None
