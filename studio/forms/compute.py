"""The form of a cluster, for its own pages and for the deployment wizard."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from studio.actions.compute import machine_size
from studio.forms.deployments import Cards
from studio.forms.guarded import GuardedForm
from studio.models import Cluster
from studio.models.compute import CLUSTER_NAME

GB = 1 << 30
NAME_SENTENCE = _(
    "Use 3 to 24 characters: a letter first, then letters, digits and dashes; after a dash a letter must follow."
)
LEAST_SLOT_MEMORY = GB // 2  # below that no environment with MLflow in it can be loaded


class ClusterSizeForm(forms.Form):
    """What can be edited later."""

    slots = forms.IntegerField(
        label=_("Slots per node"),
        min_value=1,
        max_value=256,
        help_text=_(
            "Mini-batches that a node scores at the same time; each has a process with the model loaded."
        ),
    )
    memory = forms.FloatField(
        label=_("Memory per node (GB)"),
        min_value=0.5,
        max_value=100_000,
        widget=forms.NumberInput(attrs={"step": "any"}),
        help_text=_("Shared out evenly: a slot that takes more than its part is ended."),
    )
    min_nodes = forms.IntegerField(
        label=_("Minimum number of nodes"),
        min_value=0,
        max_value=1000,
        initial=0,
        help_text=_("These run all the time. 0: none runs while there is nothing to do."),
    )
    max_nodes = forms.IntegerField(
        label=_("Maximum number of nodes"),
        min_value=1,
        max_value=1000,
        initial=1,
        help_text=_("The instance count of a deployment can be this at most."),
    )
    idle_seconds = forms.IntegerField(
        label=_("Idle seconds before scale down"),
        min_value=5,
        max_value=604_800,
        initial=120,
        help_text=_("A node above the minimum that has done nothing for so long is stopped."),
    )
    tier = forms.ChoiceField(
        label=_("Tier"),
        choices=Cluster.Tier.choices,
        initial=Cluster.Tier.DEDICATED,
        widget=Cards(
            descriptions={
                Cluster.Tier.DEDICATED: _("Pages and other programs of this machine go first (nice 10)."),
                Cluster.Tier.LOW_PRIORITY: _("The nodes of dedicated clusters go first, too (nice 15)."),
            }
        ),
    )
    SIZE = ("slots", "min_nodes", "max_nodes", "idle_seconds", "tier")
    FOR_LOCAL = ("min_nodes", "idle_seconds", "tier")  # what the studio needs to know to start nodes itself

    def __init__(self, data: Any = None, *, initial: Mapping[str, Any] | None = None):
        size = machine_size()
        start = {"slots": size.slots, "memory": _gigabytes(size.memory // 2)}
        super().__init__(data, initial={**start, **(initial or {})})
        if self.chosen_kind == Cluster.Kind.EXTERNAL:
            for name in self.FOR_LOCAL:
                self.fields[name].required = False

    @property
    def chosen_kind(self) -> str:
        """The one that was chosen; nothing where none has been yet."""
        raise NotImplementedError

    def clean(self) -> dict[str, Any]:
        answers = super().clean() or {}
        if self.chosen_kind == Cluster.Kind.EXTERNAL:
            self._forget_what_only_a_local_one_has(answers)
        elif (answers.get("min_nodes") or 0) > (answers.get("max_nodes") or 1000):
            self.add_error("min_nodes", _("The minimum is above the maximum number of nodes."))
        if answers.get("slots") and answers.get("memory"):
            self._check_memory(answers)
        return answers

    def _forget_what_only_a_local_one_has(self, answers: dict[str, Any]) -> None:
        for name in self.FOR_LOCAL:
            self.errors.pop(name, None)
            answers[name] = self.fields[name].initial

    def _check_memory(self, answers: dict[str, Any]) -> None:
        slots, memory = answers["slots"], answers["memory"] * GB
        if memory // slots < LEAST_SLOT_MEMORY:
            self.add_error(
                "memory",
                ngettext(
                    "Give %(slots)s slot at least %(least)s GB: a model with its libraries hardly fits in less.",
                    "Give %(slots)s slots at least %(least)s GB: a model with its libraries hardly fits in less.",
                    slots,
                )
                % {"slots": slots, "least": slots * LEAST_SLOT_MEMORY / GB},
            )
        machine = machine_size()
        if self.chosen_kind == Cluster.Kind.LOCAL and memory > machine.memory:
            self.add_error(
                "memory", _("This machine has %(all)s GB in all.") % {"all": _gigabytes(machine.memory)}
            )

    def values(self) -> dict[str, Any]:
        answers = {name: self.cleaned_data[name] for name in self.SIZE}
        memory = self.cleaned_data["memory"] * GB
        return {**answers, "slot_memory": int(memory) // answers["slots"]}


class ClusterForm(ClusterSizeForm):
    """`values()` are the arguments of actions.compute.create_cluster."""

    name = forms.CharField(
        label=_("Name"),
        max_length=24,
        validators=[RegexValidator(CLUSTER_NAME, NAME_SENTENCE)],
        help_text=_("3 to 24 characters: a letter first, then letters, digits and dashes."),
        error_messages={"required": _("Give the cluster a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=Cluster.Kind.choices,
        initial=Cluster.Kind.LOCAL,
        widget=Cards(
            descriptions={
                Cluster.Kind.LOCAL: _("Nodes are started on this host on demand, and stopped when idle."),
                Cluster.Kind.EXTERNAL: _(
                    "You start nodes anywhere, with one command; they join by themselves."
                ),
            }
        ),
    )
    field_order = ("name", "kind", "slots", "memory")

    @property
    def chosen_kind(self) -> str:
        return str(self.data.get(self.add_prefix("kind"), "")) if self.is_bound else ""

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in ("name", "kind")} | super().values()

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if Cluster.objects.filter(name__iexact=name).exists():
            raise ValidationError(_("A cluster with this name exists. Choose another name."))
        return name


class EditClusterForm(ClusterSizeForm, GuardedForm):
    """`values()` are the arguments of actions.compute.edit_cluster."""

    def __init__(self, data: Any = None, *, cluster: Cluster, initial: Mapping[str, Any] | None = None):
        self.cluster = cluster
        super().__init__(data, initial=initial)

    @classmethod
    def stored(cls, row: Cluster) -> dict[str, Any]:
        return {name: getattr(row, name) for name in cls.SIZE} | {"memory": _gigabytes(row.node_memory)}

    @classmethod
    def of(cls, row: Cluster, typed: Mapping[str, Any] | None = None) -> "EditClusterForm":
        stored = cls.stored(row)
        start = {**stored, **(typed or {}), "revision": row.revision, "base": stored}
        return cls(cluster=row, initial=start)

    @property
    def chosen_kind(self) -> str:
        return self.cluster.kind

    def values(self) -> dict[str, Any]:
        answers, stored = super().values(), self.stored(self.cluster)
        if all(self.cleaned_data[name] == stored[name] for name in ("slots", "memory")):
            answers["slot_memory"] = self.cluster.slot_memory  # the form shows it rounded
        return answers

    @staticmethod
    def in_words(name: str, value: Any) -> str:
        return str(dict(Cluster.Tier.choices).get(value, value))


def _gigabytes(size: float) -> float:
    return round(size / GB, 1)
