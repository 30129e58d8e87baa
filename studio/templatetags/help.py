"""Links into Help: from a page to its topic, from a failure to what it means."""

from django.template import Library
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = Library()

TOPIC_OF = {
    "": "start",
    "models": "models",
    "endpoints": "endpoints",
    "deployments": "endpoints",
    "jobs": "jobs",
    "data": "data",
    "datastores": "data",
    "compute": "compute",
    "tokens": "tokens",
    "audit": "people",
    "people": "people",
}
LONGEST = 500  # characters of a sentence that go into an address


@register.simple_tag
def help_link(sentence: str) -> SafeString:
    """Beside a failure: a link to what this very sentence means and what to do."""
    if not sentence:
        return SafeString("")
    address = reverse("help:troubleshooting", query={"sentence": str(sentence)[:LONGEST]})
    return format_html('<a class="help-link" href="{}">{}</a>', address, _("What to do"))


@register.simple_tag(takes_context=True)
def help_address(context: dict) -> str:
    """The topic of the page that is shown; empty where there is none."""
    match = getattr(context.get("request"), "resolver_match", None)
    if match is None or (not match.namespaces and match.url_name != "home"):
        return ""
    slug = TOPIC_OF.get((match.namespaces or [""])[0], "")
    return reverse("help:topic", args=[slug]) if slug else ""
