"""What a job's page shows of its course: the graph, what it waits for, its settings and statistics."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from studio.forms.settings import setting_lines
from studio.models import Job

OFTEN, SELDOM = 2, 10  # seconds between two looks at a job
SLOW_START = 60
MOST_LINKED = 5  # jobs that one line of links names


@dataclass(frozen=True)
class GraphNode:
    title: str
    text: str
    icon: str
    tone: str
    status: str
    href: str = ""
    selected: bool = False
    dashed: bool = False


def graph_nodes(job: Job, *, tab: str) -> list[GraphNode]:
    """Data → batchscoring → score; the first leads to the data asset, the others to the tabs beside the graph."""
    return [
        GraphNode(
            title=_("Data"),
            text=_input_text(job),
            icon="database",
            tone="success" if job.files_total else "neutral",
            status=_("read") if job.files_total else _("not read yet"),
            href=_data_address(job),
        ),
        GraphNode(
            title="batchscoring",
            text=_nodes_text(job),
            icon="package",
            tone=job.status_tone,
            status=job.status_label,
            href=reverse("jobs:detail", args=[job.name]),
            selected=tab != "outputs",
        ),
        GraphNode(
            title="score",
            text=job.output_file_name if job.keeps_predictions else _("summary only"),
            icon="table",
            tone="success" if job.is_completed else "neutral",
            status=_("written") if job.is_completed else _("not written"),
            href=reverse("jobs:outputs", args=[job.name]),
            selected=tab == "outputs",
            dashed=not job.is_completed,
        ),
    ]


def _input_text(job: Job) -> str:
    if not job.files_total:
        return job.input_label
    files = ngettext("%(count)s file", "%(count)s files", job.files_total) % {
        "count": number_format(job.files_total, force_grouping=True)
    }
    return f"{job.input_label} · {files}"


def _nodes_text(job: Job) -> str:
    count = job.settings["instance_count"]
    slots = job.settings["max_concurrency"] or (job.cluster.slots if job.cluster else None)
    nodes = ngettext("%(count)s node", "%(count)s nodes", count) % {"count": count}
    if slots is None:
        return nodes
    return nodes + " × " + ngettext("%(count)s slot", "%(count)s slots", slots) % {"count": slots}


def _data_address(job: Job) -> str:
    if job.input_asset is None:
        return ""
    return f"{reverse('data:detail', args=[job.input_asset.asset.name])}?version={job.input_asset.version}"


@dataclass(frozen=True)
class SettingOrigin:
    label: str
    value: str
    origin: str
    is_own: bool  # set for this job alone


def settings_with_origin(
    settings: dict[str, Any], origins: dict[str, str], why_never_divided: str = ""
) -> list[SettingOrigin]:
    words = {"job": _("job"), "deployment": _("deployment"), "default": _("default")}
    found = ((line, origins.get(line.name, "")) for line in setting_lines(settings, why_never_divided))
    return [
        SettingOrigin(line.label, line.value, words.get(origin, ""), origin == "job")
        for line, origin in found
    ]


def waiting(job: Job) -> str:
    """Why nothing moves, or what is done that no figure shows."""
    if job.waiting_for:
        return f"{job.waiting_for} {_queue(job)}".strip()
    sentences: dict[str, str] = {
        Job.Status.QUEUED: _("Waiting for the studio’s control worker, which plans the job."),
        Job.Status.PREPARING: _("Listing the input and planning the mini-batches."),
        Job.Status.FINALIZING: _("Writing the output."),
        Job.Status.CANCEL_REQUESTED: _("Waiting for the nodes to stop their mini-batches."),
    }
    return sentences.get(job.status, "")


def repeats(job: Job) -> list[str]:
    """What its datastores throttled or broke off, a sentence for each of them."""
    return [_repeats(datastore, causes) for datastore, causes in (job.repeated_requests or {}).items()]


def _repeats(datastore: str, causes: dict[str, int]) -> str:
    times = sum(causes.values())
    most_first = sorted(causes.items(), key=lambda cause: -cause[1])
    counted = [f"{number_format(count, force_grouping=True)} × {cause}" for cause, count in most_first]
    return ngettext(
        "%(datastore)s throttled or broke off %(count)s request, which was made again: %(causes)s.",
        "%(datastore)s throttled or broke off %(count)s requests, which were made again: %(causes)s.",
        times,
    ) % {
        "datastore": datastore,
        "count": number_format(times, force_grouping=True),
        "causes": ", ".join(counted),
    }


def _queue(job: Job) -> str:
    """How many jobs the cluster has before one of which nothing is being scored."""
    if job.status != Job.Status.RUNNING or job.cluster is None or job.minibatches.running().exists():
        return ""
    before = Job.objects.wanting_nodes().on_cluster(job.cluster).created_before(job.created_at).count()
    if not before:
        return ""
    return ngettext(
        "%(count)s job before it on %(cluster)s.", "%(count)s jobs before it on %(cluster)s.", before
    ) % {"count": number_format(before, force_grouping=True), "cluster": job.cluster_name}


@dataclass(frozen=True)
class LinkedJobs:
    """Jobs that this one goes back to, or that go back to it."""

    label: str
    jobs: Sequence[Job]
    more: int = 0


def linked_jobs(job: Job) -> list[LinkedJobs]:
    linked = Job.objects.linked()
    found = [
        (_("Resubmit of"), linked.filter(pk=job.resubmit_of_id) if job.resubmit_of_id else linked.none()),
        (_("Retry of"), linked.filter(pk=job.retry_of_id) if job.retry_of_id else linked.none()),
        (_("Resubmitted as"), linked.filter(resubmit_of=job)),
        (_("Retried as"), linked.filter(retry_of=job)),
    ]
    lines = []
    for label, rows in found:
        jobs = list(rows[: MOST_LINKED + 1])
        if jobs:
            more = rows.count() - MOST_LINKED if len(jobs) > MOST_LINKED else 0
            lines.append(LinkedJobs(label, jobs[:MOST_LINKED], more))
    return lines


def poll_seconds(job: Job) -> int:
    """Often while it changes; seldom once it has been queued for a minute."""
    return SELDOM if job.status == Job.Status.QUEUED and job.age > SLOW_START else OFTEN


def prediction_lines(job: Job) -> list[dict[str, Any]]:
    """The statistics of each prediction column, from the job's summary."""
    columns = (job.summary or {}).get("predictions") or {}
    return [{"name": name, **figures, "most": _most(figures)} for name, figures in columns.items()]


def _most(figures: dict[str, Any]) -> int:
    return max((value["count"] for value in figures.get("top_values", [])), default=0)
