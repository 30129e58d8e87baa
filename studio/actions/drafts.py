"""The answers of a wizard, kept between its steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from studio.models import Draft

KEPT = timedelta(days=30)


def start_draft(*, user: User, kind: str, answers: dict[str, Any]) -> Draft:
    """A new draft; those that were left for 30 days go."""
    Draft.objects.filter(updated_at__lt=Now() - KEPT).delete()
    return Draft.objects.create(owner=user, kind=kind, answers=answers)


def answer_step(*, draft: Draft, step: str, answers: dict[str, Any]) -> None:
    draft.answers = {**draft.answers, step: answers}
    draft.save(update_fields=["answers", "updated_at"])


@contextmanager
def finishing(*, draft: Draft) -> Iterator[Draft]:
    """Make what the draft describes, in this block and one transaction.

    A second click waits for the first; the draft it is given is then finished.
    """
    with transaction.atomic():
        yield Draft.objects.select_for_update().get(pk=draft.pk)


def finish_draft(*, draft: Draft, result: str) -> None:
    """Remember the address of what the draft became, so that Back and a second click lead there."""
    draft.answers = {**draft.answers, "result": result}
    draft.finished_at = timezone.now()
    draft.save(update_fields=["answers", "finished_at", "updated_at"])
