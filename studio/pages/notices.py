"""The bell: jobs of one's own that have ended."""

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from studio.actions.account import see_notices
from studio.models import Job, Profile
from studio.models.job_queries import JobQuerySet
from studio.pages.render import render_page

LATELY = timedelta(days=7)
SHOWN = 100
TOLD = 5  # of what a browser notifies at once


class Bell:
    """What the top bar shows of it. A person who has chosen nothing is told of everything."""

    def __init__(self, request: HttpRequest) -> None:
        self.user = request.user
        self.profile: Profile = getattr(request, "profile", None) or Profile()

    @property
    def is_on(self) -> bool:
        return self.user.is_authenticated and self.profile.notices != Profile.Notices.OFF

    @property
    def tells_browser(self) -> bool:
        return self.is_on and self.profile.tells_browser

    @property
    def seen_at(self) -> datetime:
        since = timezone.now() - LATELY
        return max(since, self.profile.seen_at or since)

    def jobs_since(self, moment: datetime) -> JobQuerySet:
        if not self.is_on:
            return Job.objects.none()
        badly = self.profile.notices == Profile.Notices.FAILURES
        return Job.objects.visible_to(self.user).ended_for(self.user, since=moment, badly=badly)  # type: ignore[arg-type]

    @cached_property
    def count(self) -> int:
        return self.jobs_since(self.seen_at).count()


@never_cache
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Who looks at them has seen them."""
    bell, now = Bell(request), timezone.now()
    jobs = list(bell.jobs_since(now - LATELY).for_list()[:SHOWN])
    context = {"jobs": jobs, "seen_at": bell.seen_at, "is_on": bell.is_on, "days": LATELY.days}
    if request.method == "GET":
        request.profile = see_notices(user=request.user, now=now)  # type: ignore[attr-defined, arg-type]
    return render_page(request, "notices/index.html", context)


@never_cache
@require_safe
def news(request: HttpRequest) -> JsonResponse:
    """What js/notices.js asks for."""
    bell = Bell(request)
    newest = bell.jobs_since(bell.seen_at).for_list()[:TOLD]
    return JsonResponse({"count": bell.count, "jobs": [_told(job) for job in newest]})


def _told(job: Job) -> dict[str, Any]:
    title, text = _words(job)
    return {
        "name": job.name,
        "title": title % {"job": job.display_name},
        "text": text,
        "address": reverse("jobs:detail", args=[job.name]),
        "ended": job.finished_at.timestamp() if job.finished_at else 0,
    }


def _words(job: Job) -> tuple[str, str]:
    if job.is_failed:
        return _("%(job)s has failed"), job.error
    if job.is_canceled:
        return _("%(job)s was canceled"), _("By %(person)s.") % {"person": job.canceled_by}  # type: ignore[attr-defined]
    return _("%(job)s is completed"), job.status_label
