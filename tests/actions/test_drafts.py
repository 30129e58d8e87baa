from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from studio.actions.drafts import answer_step, finish_draft, start_draft
from studio.models import Draft
from studio.models.drafts import KEPT
from tests import factories

ANSWERS = {"endpoint": 7, "preset": {"deployment": 3}}


@pytest.fixture
def draft(person: Any) -> Draft:
    return start_draft(user=person, kind=Draft.Kind.JOB, answers=ANSWERS)


def test_a_draft_left_at_its_beginning_is_taken_up_again(person: Any, draft: Draft) -> None:
    assert start_draft(user=person, kind=Draft.Kind.JOB, answers=dict(ANSWERS)) == draft
    assert Draft.objects.get().updated_at > draft.updated_at


@pytest.mark.parametrize("other", ["person", "kind", "answers"])
def test_a_draft_is_taken_up_only_for_the_same(person: Any, draft: Draft, other: str) -> None:
    asked: dict[str, Any] = {"user": person, "kind": Draft.Kind.JOB, "answers": ANSWERS}
    changed = {"person": {"user": factories.user()}, "kind": {"kind": Draft.Kind.DEPLOYMENT}}
    assert start_draft(**{**asked, **changed.get(other, {"answers": {"endpoint": 8}})}) != draft


def test_a_draft_that_was_answered_or_finished_is_not_taken_up(person: Any, draft: Draft) -> None:
    answer_step(draft=draft, step="settings", answers={"display_name": "brave_sun"})
    second = start_draft(user=person, kind=Draft.Kind.JOB, answers=ANSWERS)
    assert second != draft
    finish_draft(draft=second, result="/jobs/j/")
    assert start_draft(user=person, kind=Draft.Kind.JOB, answers=ANSWERS) not in (draft, second)


def test_drafts_that_were_left_for_long_go(person: Any, draft: Draft) -> None:
    Draft.objects.update(updated_at=timezone.now() - KEPT - timedelta(minutes=1))
    assert start_draft(user=person, kind=Draft.Kind.JOB, answers=ANSWERS) != draft
    assert Draft.objects.count() == 1
