"""What a person has begun and not finished, offered again where it was begun."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from django.template import Context, Library
from django.urls import reverse
from django.utils.translation import gettext as _

from studio.models import Draft, Endpoint, ModelVersion

register = Library()

SHOWN = 3


class DraftLine(NamedTuple):
    key: Any
    is_for_job: bool
    about: str  # what it is for, in words
    begun: datetime
    href: str


@register.inclusion_tag("ui/drafts.html", takes_context=True)
def unfinished_drafts(context: Context, kind: str, endpoint: Endpoint | None = None) -> dict[str, Any]:
    """Continue and Discard for the person's drafts of this kind ("deployment", "job"), the newest first; with
    `endpoint` only those of that endpoint. Draws nothing where there is none."""
    drafts = Draft.objects.visible_to(context["request"].user).of_kind(kind).under_way()
    if endpoint:
        drafts = drafts.for_endpoint(endpoint.pk)
    found = list(drafts[: SHOWN + 1])
    return {"drafts": _lines(found[:SHOWN]), "has_more": len(found) > SHOWN}


def _lines(drafts: Sequence[Draft]) -> list[DraftLine]:
    keys = [_endpoint_key(draft) for draft in drafts]
    names = (
        dict(Endpoint.objects.filter(pk__in=filter(None, keys)).values_list("pk", "name"))
        if any(keys)
        else {}
    )
    chosen = [draft.step("model").get("model_version") for draft in drafts if not draft.is_for_job]
    models = ModelVersion.objects.for_list().in_bulk(filter(None, chosen)) if any(chosen) else {}
    lines = []
    for draft, key in zip(drafts, keys, strict=True):
        endpoint = names.get(key, "") if key else draft.step("endpoint").get("name", "")
        if draft.is_for_job:
            second = draft.step("settings").get("display_name", "")
        else:
            second = str(models.get(draft.step("model").get("model_version"), ""))
        about = " / ".join(filter(None, (endpoint, second))) or _("nothing chosen yet")
        wizard = "jobs:step" if draft.is_for_job else "deployments:step"
        # The last step leads to the first one that has no answer yet.
        href = reverse(wizard, args=[draft.key, "review"])
        lines.append(DraftLine(draft.key, draft.is_for_job, about, draft.created_at, href))
    return lines


def _endpoint_key(draft: Draft) -> int | None:
    """Of an endpoint that was there before the draft."""
    chosen = draft.answers.get("endpoint")
    return chosen if draft.is_for_job else (chosen or {}).get("endpoint")
