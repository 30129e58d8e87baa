"""Form fields: the control with the classes it needs, and parts of a form that depend on an answer."""

from typing import Any

from django import forms
from django.forms import BoundField
from django.template import Library
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = Library()

SELECTS = (forms.Select, forms.SelectMultiple)
CHECKS = (forms.CheckboxInput, forms.CheckboxSelectMultiple, forms.RadioSelect)


@register.filter
def kind(field: BoundField) -> str:
    """What field.html draws: file, checkbox, switch, choices, cards, select or input."""
    widget = field.field.widget
    classes = str(widget.attrs.get("class", "")).split()
    if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
        return "cards" if "cards" in classes else "choices"
    if isinstance(widget, forms.CheckboxInput):
        return "switch" if "switch" in classes else "checkbox"
    if isinstance(widget, forms.FileInput):
        return "file"
    return "select" if isinstance(widget, SELECTS) else "input"


@register.filter
def control(field: BoundField) -> SafeString:
    """The widget with the classes of its kind added to its own."""
    base = {
        "select": "form-select",
        "checkbox": "form-check-input",
        "switch": "form-check-input",
        "file": "dropzone-input",
    }.get(kind(field), "form-control")
    own = str(field.field.widget.attrs.get("class", ""))
    invalid = "is-invalid" if field.errors else ""
    attrs: dict[str, str | bool] = {"class": " ".join(filter(None, (base, own, invalid)))}
    if kind(field) == "file":  # htmx keeps this very control, so it names its error before there is one
        attrs["aria-describedby"] = f"{field.auto_id}_helptext {field.auto_id}_error"
    return field.as_widget(attrs=attrs)


@register.filter
def description(option: Any, field: BoundField) -> str:
    """Second line of a radio card, from the widget's `descriptions` (value → text)."""
    texts: dict[str, str] = getattr(field.field.widget, "descriptions", {})
    return texts.get(str(option.data["value"]), "")


@register.simple_block_tag
def shown_when(content: str, field: BoundField, *values: str) -> SafeString:
    """Shows its content while `field` has one of `values` (a check box: while it is ticked). Without
    JavaScript all of it is shown."""
    wanted = [str(value) for value in values] or ["on"]
    now = field.value()
    answer = ("on" if now not in (None, "", False, "False", "false") else "") if not values else str(now)
    return format_html(
        '<div class="shown-when" data-shown-when="{}" data-values="{}"{}>{}</div>',
        field.html_name,
        " ".join(wanted),
        "" if answer in wanted else mark_safe(" data-off"),
        content,
    )
