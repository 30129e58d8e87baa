"""How the columns of an input fit a model, as badges."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from studio.actions.inputs import InputCheck


@dataclass(frozen=True)
class Verdict:
    """One line of *First rows against the model's signature*."""

    column: str
    model_type: str
    values: str
    label: str
    tone: str
    note: str = ""


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
