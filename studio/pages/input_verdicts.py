"""What a page says of an input before a job reads it: how its columns fit the model, how long it will take."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from studio.actions.inputs import InputCheck
from studio.actions.run_times import expected_time
from studio.forms.job_answers import JobAnswers
from studio.forms.settings import dialect_in_words
from studio.pages.passed_columns import column_choices, suggestion


@dataclass(frozen=True)
class Verdict:
    """One line of *First rows against the model's signature*."""

    column: str
    model_type: str
    values: str
    label: str
    tone: str
    note: str = ""


def shown_of(check: InputCheck | None, answers: JobAnswers, passed: list[str]) -> dict[str, Any]:
    """What templates/jobs/_input_check.html shows; `passed` are the columns that are ticked."""
    if check is None:
        return {"check": None, "verdicts": []}
    expected = None
    if check.minibatches and not check.problem:
        expected = expected_time(
            deployment=answers.deployment,
            settings=answers.settings.to_dict(),
            size=check.bytes,
            minibatches=check.minibatches,
        )
    return {
        "check": check,
        "verdicts": verdicts(check),
        "choices": column_choices(check, passed),
        "suggestion": suggestion(check, passed),
        "dialect": dialect_in_words(check.preview.dialect) if check.preview else "",
        "looked_at": len(check.preview.rows) if check.preview else 0,
        "expected": expected,
    }


def verdicts(check: InputCheck | None) -> list[Verdict]:
    lines = []
    for column in check.columns if check else []:
        label, tone, note = _said(column.verdict, column.model_type, column.detail, column.required)
        values = ", ".join(value or "null" for value in column.values)
        lines.append(Verdict(column.name, column.model_type, values, label, tone, note))
    return lines


def _said(verdict: str, model_type: str, detail: str, is_required: bool) -> tuple[str, str, str]:
    if verdict == "missing":
        return (_("missing"), "danger", "") if is_required else (_("missing, optional"), "neutral", "")
    if verdict == "extra":
        return _("extra, ignored"), "neutral", ""
    if verdict == "cast":
        found, _arrow, rest = detail.partition(" → ")
        risk = rest.partition("; ")[2]
        label = _("cast from %(type)s") % {"type": found} if rest else _("cast")
        return label, "warning" if risk else "info", risk
    if not model_type:
        return _("taken as it is"), "neutral", ""
    return _("matches"), "success", ""
