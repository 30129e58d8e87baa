"""The live part of a running job's page, drawn once for all who look at the same, not once for each of them.

It is drawn without a request, so that nothing of one person, such as the token of their forms, gets to another. What
differs between two people is in the key.
"""

import hashlib
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.cache import patch_vary_headers
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language

from studio.models import Job
from studio.pages.job_head import find_job, glance_at_job, head_for_all, why_not

SHARED = 2  # seconds after which it is drawn anew; a page asks again as soon
SHOWN = 3  # seconds that it is shown at most, to those who ask while another one draws it


def shared_part(
    request: HttpRequest, name: str, template: str, *, tab: str, more: Callable[[Job], dict[str, Any]]
) -> HttpResponse | None:
    """The answer to a page that asks for its live part, `more` being what this tab shows; its status is that of now.

    None where the job has ended: such a page asks this once. Raises NotFound.
    """
    seen = glance_at_job(request, name)
    if seen.is_finished:
        return None
    own = {"address": request.get_full_path(), **why_not(request.user, seen)}
    key = _key(template, seen.status, seen.waiting_for, *own.values())
    part = cache.get(key)
    is_due = cache.add(f"{key}-drawn", True, SHARED)
    if part is None or is_due:
        job = find_job(request, name)
        if job.status != seen.status:  # so what may be done to it is something else, too
            return None
        context = {**own, **head_for_all(job, tab=tab), **more(job), "is_fragment": True}
        part = render_to_string(template, context)
        cache.set(key, part, SHOWN)
    answer = HttpResponse(part)
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _key(*seen: str) -> str:
    said = "\0".join([get_language() or "", get_current_timezone_name(), *seen])
    return f"part-{hashlib.sha256(said.encode()).hexdigest()}"
