import gc
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.template.loader import get_template
from django.urls import reverse

# Seconds that a browser may be silent while its body is read or an answer is sent to it. gunicorn itself waits for
# ever, and a laptop that was closed would keep a thread, and the lock of its upload, for good.
PATIENCE = 60

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "studio.settings")
django = get_wsgi_application()


def read_ahead() -> None:
    """All addresses and templates, so that who comes first need not wait for them."""
    reverse("home")
    folder = settings.PROJECT / "templates"
    for file in folder.rglob("*.html"):
        get_template(file.relative_to(folder).as_posix())


read_ahead()
gc.freeze()  # what is loaded by now stays, and need not be looked through again
# A page waits for the database some ten times, and each time for a thread that computes meanwhile: for 1 ms, not 5.
sys.setswitchinterval(0.001)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    connection = environ.get("gunicorn.socket")
    if connection is not None:
        connection.settimeout(PATIENCE)
    return django(environ, start_response)
