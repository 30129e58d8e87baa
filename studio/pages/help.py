from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from studio.pages.guide import GUIDE
from studio.pages.guide.entries import LONGEST
from studio.pages.help_topics import BY_SLUG, TOPICS, matching
from studio.pages.render import render_page

LONGEST_SEARCH = 200


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    search = request.GET.get("search", "").strip()[:LONGEST_SEARCH]
    context = {
        "search": search,
        "found": matching(search),
        "entries": GUIDE.related(search) if search else [],
    }
    return render_page(request, "help/index.html", context, fragment="found")


@require_safe
def topic(request: HttpRequest, topic: str) -> HttpResponse:
    shown = BY_SLUG.get(topic)
    if shown is None:
        raise Http404
    context = {"entries": GUIDE.groups.get(topic, []), **_frame(shown.slug)}
    return render_page(request, shown.template, {"topic": shown, **context})


@require_safe
def troubleshooting(request: HttpRequest) -> HttpResponse:
    """Every sentence, or the entry of the one that was pasted."""
    sentence = request.GET.get("sentence", "").strip()[:LONGEST]
    entry = GUIDE.explain(sentence) if sentence else None
    groups = [(BY_SLUG[slug], entries) for slug, entries in GUIDE.groups.items()]
    context = {
        "sentence": sentence,
        "entry": entry,
        "related": [] if entry or not sentence else GUIDE.related(sentence),
        "groups": groups,
        **_frame("troubleshooting"),
    }
    return render_page(request, "help/troubleshooting.html", context, fragment="found")


def _frame(current: str) -> dict[str, Any]:
    return {
        "topics": TOPICS,
        "current": current,
        "mlflow_uri": settings.MLFLOW_ADDRESS,
        "studio_address": settings.STUDIO_ADDRESS,
    }
