"""The answers of a wizard, kept between its steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from studio.errors import NotFound
from studio.models import Draft


def start_draft(*, user: User, kind: str, answers: dict[str, Any]) -> Draft:
    """A draft that begins with `answers`; those that were left for 30 days go."""
    Draft.objects.left_for_long().delete()
    return _untouched(user, kind, answers) or Draft.objects.create(owner=user, kind=kind, answers=answers)


def _untouched(user: User, kind: str, answers: dict[str, Any]) -> Draft | None:
    """One that the person began with the same answers and has left at that: opening a wizard twice makes one draft."""
    same = Draft.objects.filter(owner=user, kind=kind, answers=answers, finished_at=None)
    draft: Draft | None = same.order_by("-created_at").first()
    if draft:
        draft.save(update_fields=["updated_at"])
    return draft


def answer_step(*, draft: Draft, step: str, answers: dict[str, Any]) -> None:
    draft.answers = {**draft.answers, step: answers, Draft.LAST_STEP: step}
    draft.save(update_fields=["answers", "updated_at"])


@contextmanager
def finishing(*, draft: Draft) -> Iterator[Draft]:
    """Make what the draft describes, in this block and one transaction.

    A second click waits for the first; the draft it is given is then finished.
    """
    with transaction.atomic():
        kept = Draft.objects.select_for_update().filter(pk=draft.pk).first()
        if kept is None:
            raise NotFound(_("You have discarded this draft in another tab. Begin again."))
        yield kept


def forget_step(*, draft: Draft, step: str) -> None:
    """What was answered there no longer fits; it is asked anew."""
    draft.answers = {name: answers for name, answers in draft.answers.items() if name != step}
    draft.save(update_fields=["answers", "updated_at"])


def discard_draft(*, draft: Draft) -> None:
    Draft.objects.filter(pk=draft.pk, finished_at=None).delete()


def finish_draft(*, draft: Draft, result: str) -> None:
    """Remember the address of what the draft became, so that Back and a second click lead there."""
    draft.answers = {**draft.answers, "result": result}
    draft.finished_at = timezone.now()
    draft.save(update_fields=["answers", "finished_at", "updated_at"])
