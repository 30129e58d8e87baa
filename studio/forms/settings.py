"""The settings of a deployment, and the part of them that a job may override."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django import forms
from django.utils.translation import gettext_lazy as _

from studio.forms.fields import MB, ColumnsField, MegabytesField, PairsField

LEVELS = [("warning", _("warning")), ("info", _("info")), ("debug", _("debug"))]
AUTO = ("auto", _("auto: as the file’s start says"))
DELIMITERS = [
    AUTO,
    ("comma", _("comma")),
    ("semicolon", _("semicolon")),
    ("tab", _("tab")),
    ("pipe", _("pipe |")),
]
QUOTES = [AUTO, ("double", _("double quotes")), ("single", _("single quotes")), ("none", _("no quotes"))]
ENCODINGS = [
    AUTO,
    ("utf-8", "UTF-8"),
    ("utf-16", "UTF-16"),
    ("windows-1252", _("Windows-1252 (Latin-1)")),
]
ACTIONS = [("append_row", _("Append row")), ("summary_only", _("Summary only"))]


DIALECT: dict[str, dict[str, Any]] = {
    "delimiter": dict(DELIMITERS),
    "quote": dict(QUOTES),
    "encoding": dict(ENCODINGS),
}


class DialectField(forms.ChoiceField):
    """Left out, it is `auto`."""

    def __init__(self, **kwargs: Any):
        super().__init__(required=False, **kwargs)

    def to_python(self, value: Any) -> str:
        return super().to_python(value) or "auto"


class OverridableSettings(forms.Form):
    """Names are those of scoring.settings.ScoringSettings; the engine's own rules are checked by the action."""

    output_file_name = forms.CharField(
        label=_("Output file name"),
        help_text=_("Ends in .csv or .parquet, which decides the format."),
        max_length=200,
    )
    mini_batch_size = forms.IntegerField(
        label=_("Mini batch size"), min_value=1, max_value=100_000, help_text=_("Files per mini-batch.")
    )
    split_size = MegabytesField(
        label=_("Split files larger than (MB)"),
        min_value=0,
        max_value=1 << 20,
        help_text=_("A larger CSV, JSONL or Parquet file is scored in parallel, piece by piece. 0: never."),
    )
    instance_count = forms.IntegerField(
        label=_("Instance count"), min_value=1, max_value=1000, help_text=_("Nodes that may work on one job.")
    )
    max_concurrency = forms.IntegerField(
        label=_("Max concurrency per instance"),
        required=False,
        min_value=1,
        max_value=256,
        help_text=_("Mini-batches at once on one node. Empty: as many as the node has slots."),
        widget=forms.NumberInput(attrs={"placeholder": _("auto")}),
    )
    max_retries = forms.IntegerField(
        label=_("Max retries"),
        min_value=0,
        max_value=1000,
        help_text=_("More attempts after a failed first one."),
    )
    timeout = forms.IntegerField(
        label=_("Scoring timeout (seconds)"),
        min_value=1,
        max_value=259_200,
        help_text=_("For one mini-batch, counted once the model is loaded."),
    )
    error_threshold = forms.IntegerField(
        label=_("Error threshold"),
        min_value=-1,
        help_text=_("Failed files that a job tolerates over its whole input. -1: any number."),
    )
    logging_level = forms.ChoiceField(label=_("Logging level"), choices=LEVELS)
    pass_through = ColumnsField(
        label=_("Pass-through columns"),
        help_text=_("Columns of the input to copy beside the predictions. One name per line."),
    )
    delimiter = DialectField(
        label=_("Delimiter"), choices=DELIMITERS, help_text=_("Of CSV: what stands between two fields.")
    )
    quote = DialectField(
        label=_("Quotes"),
        choices=QUOTES,
        help_text=_("Of CSV: what is put around fields with a delimiter in them."),
    )
    encoding = DialectField(label=_("Encoding"), choices=ENCODINGS, help_text=_("Of CSV and JSONL."))


class DeploymentSettings(OverridableSettings):
    output_action = forms.ChoiceField(
        label=_("Output action"),
        choices=ACTIONS,
        help_text=_("Append row: one output file. Summary only: counts and statistics, no predictions kept."),
    )
    write_header = forms.BooleanField(
        label=_("Write header row"), required=False, help_text=_("CSV only. Off gives Azure's layout.")
    )
    class_probabilities = forms.BooleanField(
        label=_("Class probabilities"),
        required=False,
        help_text=_("A column for each class beside the prediction, of models that offer it."),
    )
    environment_variables = PairsField(
        label=_("Environment variables"),
        help_text=_(
            "Given to the model's process. One per line: NAME=value. Not for secrets: they are shown here."
        ),
    )


class SettingLine(NamedTuple):
    name: str
    label: str
    value: str


def setting_lines(values: Mapping[str, Any], why_never_divided: str = "") -> list[SettingLine]:
    """The settings as a page shows them: with the labels of their fields, in the order of the forms."""
    if why_never_divided:
        values = {**values, "split_size": _("never: %(reason)s") % {"reason": why_never_divided}}
    fields = DeploymentSettings.base_fields
    first = ("output_action", "output_file_name", "write_header", "class_probabilities")
    names = [*first, *(name for name in fields if name not in first)]
    return [
        SettingLine(name, str(fields[name].label), _in_words(name, values[name]))
        for name in names
        if name in values
    ]


def _in_words(name: str, value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={content}" for key, content in value.items()) or str(_("none"))
    if isinstance(value, list):
        return ", ".join(value) or str(_("none"))
    if isinstance(value, bool):
        return str(_("on") if value else _("off"))
    if value is None:
        return str(_("auto"))
    if name == "error_threshold" and value == -1:
        return str(_("-1 (any number)"))
    if name == "split_size" and isinstance(value, int):
        return str(_("%(size)s MB") % {"size": value // MB} if value else _("never"))
    if name == "timeout":
        return str(_("%(seconds)s s")) % {"seconds": value}
    if name in DIALECT:
        return str(_("auto") if value == "auto" else DIALECT[name][value])
    return str({**dict(ACTIONS), **dict(LEVELS)}.get(value, value))


def dialect_in_words(dialect: Any) -> str:
    """How a file is written, as a line of a page."""
    if not dialect:
        return ""
    return ", ".join(str(words[getattr(dialect, name)]) for name, words in DIALECT.items())


def chosen(form: forms.Form, fields: Any) -> dict[str, Any]:
    """The cleaned answers of these fields of a settings form."""
    return {name: form.cleaned_data[name] for name in fields if name in form.cleaned_data}
