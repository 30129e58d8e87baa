"""What the component page shows: invented things, enough of them to see every state."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.utils import timezone

from studio.models import Job, MiniBatch
from studio.pages.listing import Listing

BADGES = (
    ("Completed", "success", "circle-check"),
    ("Running", "info", "player-play"),
    ("Queued", "neutral", "clock"),
    ("Completed, 3 of 40 files failed", "warning", "alert-triangle"),
    ("Failed", "danger", "circle-x"),
    ("Canceled", "neutral", "circle-minus"),
    ("Default", "default", ""),
)


@dataclass
class Run:
    name: str
    status_label: str
    status_tone: str
    status_icon: str
    error: str
    seconds: float
    rows: int | None


class SampleForm(forms.Form):
    name = forms.CharField(
        help_text="3–32 characters, a letter first, then letters, digits and single dashes."
    )
    description = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    version = forms.ChoiceField(choices=[("12", "12 (latest)"), ("11", "11")])
    retries = forms.IntegerField(label="Max retries", initial=3, min_value=0, max_value=3)
    upload = forms.FileField(required=False, help_text=".csv, .parquet or .pqt")
    source = forms.ChoiceField(
        label="Data source type",
        choices=[("asset", "Registered dataset"), ("datastore", "Datastore")],
        widget=forms.RadioSelect,
        initial="asset",
    )
    path = forms.CharField(required=False, widget=forms.TextInput(attrs={"class": "mono"}))
    endpoint = forms.ChoiceField(
        choices=[("new", "New"), ("existing", "Existing"), ("other", "Not possible")],
        widget=forms.RadioSelect(attrs={"class": "cards"}),
        initial="new",
    )
    default = forms.BooleanField(
        label="Make this new deployment the default for batch jobs", required=False, initial=True
    )
    override = forms.BooleanField(
        label="Override deployment settings",
        required=False,
        widget=forms.CheckboxInput(attrs={"class": "switch"}),
        help_text="Only this job is affected.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["endpoint"].widget.descriptions = {
            "new": "A name that stays while models change.",
            "existing": "Adds a deployment to it.",
        }


def runs() -> list[Run]:
    return [
        Run(
            f"quirky_sponge_{number:03d}",
            *BADGES[number % 6],
            error="visits-07.csv: column “BMI” is missing" if number % 6 == 4 else "",
            seconds=0.37 * (number % 13 + 1) ** 2,
            rows=None if number % 6 == 4 else 2_000_000 - number * 1_590,
        )
        for number in range(312)
    ]


def steps() -> list[dict[str, str]]:
    titles = ("Job settings", "Select data source", "Configure output location", "Review")
    states = ("done", "current", "todo", "todo")
    return [
        {"title": title, "state": state, "href": "#wizard" if state == "done" else ""}
        for title, state in zip(titles, states, strict=True)
    ]


def tree() -> list[dict[str, Any]]:
    return [
        {
            "name": "logs",
            "children": [
                {
                    "name": "user",
                    "children": [{"name": "stdout.txt", "href": "#log", "size": 1731, "current": True}],
                },
                {"name": "progress.log", "href": "#log", "size": 812},
            ],
        },
        {"name": "predictions.csv", "href": "#log", "size": 18_734_112, "icon": "file-spreadsheet"},
    ]


@dataclass
class SampleBin:
    start: float
    end: float
    count: int
    share: float
    last: float | None


@dataclass
class SampleValue:
    value: str
    count: int
    share: float
    last: float | None


@dataclass
class SamplePoint:
    second: float
    rate: float


def charts() -> dict[str, Any]:
    """Distributions, a course over time and shares, with and without something to compare them with."""
    shares = (0.01, 0.03, 0.08, 0.15, 0.22, 0.2, 0.14, 0.09, 0.05, 0.03)
    bins = [
        SampleBin(place / 10, (place + 1) / 10, round(5690 * part), part, shares[place - 1] if place else 0.0)
        for place, part in enumerate(shares)
    ]
    values = (("benign", 0.63, 0.6), ("malignant", 0.36, 0.4), ("a class with quite a long name", 0.01, 0.0))
    return {
        "bins": bins,
        "bin_columns": ["from", "to", "rows", "share", "share in the last job"],
        "bin_rows": [[one.start, one.end, one.count, one.share, one.last] for one in bins],
        "values": [SampleValue(word, round(5690 * part), part, last) for word, part, last in values],
        "points": [SamplePoint(place + 0.5, 9e5 + 2e5 * (place * 7 % 5)) for place in range(24)],
        "phases": [("Read", 0.31), ("Predict", 0.64), ("Write", 0.05)],
        "compared": [("done", "this job"), ("last", "last completed job")],
        "phase_legend": [("one", "Read 31 %"), ("two", "Predict 64 %"), ("three", "Write 5 %")],
        "timeline_legend": [
            ("bar-done", "completed"),
            ("bar-retried", "completed after another try"),
            ("bar-failed", "failed"),
            ("bar-running", "running"),
            ("bar-canceled", "canceled"),
        ],
        **timed_samples(),
    }


def timed_samples() -> dict[str, Any]:
    """Mini-batches and jobs in each state, as rows that no database holds."""
    begun = timezone.now() - timedelta(seconds=30)
    states = MiniBatch.Status
    kinds = (states.COMPLETED, states.COMPLETED, states.FAILED, states.CANCELED, states.RUNNING)

    def batch(slot: int, place: int) -> MiniBatch:
        start = begun + timedelta(seconds=place * 5 + slot)
        ended = None if kinds[place] == states.RUNNING else start + timedelta(seconds=4)
        return MiniBatch(
            number=place * 2 + slot,
            status=kinds[place],
            started_at=start,
            finished_at=ended,
            attempts=place % 2,
        )

    ends = (Job.Status.COMPLETED, Job.Status.COMPLETED, Job.Status.FAILED, Job.Status.CANCELED)
    runs = [
        Job(
            name=f"batchjob-{number}",
            display_name=f"quirky_sponge_{number:03d}",
            status=ends[number * 5 % 4],
            started_at=begun,
            finished_at=begun + timedelta(seconds=2 + number * 3 % 7),
        )
        for number in range(23)
    ]
    running = Job(name="batchjob-23", display_name="brave_sun", status=Job.Status.RUNNING, started_at=begun)
    return {
        "begun": begun,
        "lanes": [
            (node, slot, [batch(slot, place) for place in range(5)])
            for node in ("node-1", "node-2")
            for slot in (0, 1)
        ],
        "runs": [*runs, running],
    }


def samples(request: HttpRequest) -> dict[str, Any]:
    listing = Listing.of(
        request, name="runs", sorts={"name": "name", "rows": "rows"}, default="name", filters=("status",)
    )
    shown = [
        run
        for run in runs()
        if listing.search in run.name and listing.filters["status"] in ("", run.status_label)
    ]
    invalid = SampleForm({"name": "9 lives", "version": "11", "source": "datastore", "endpoint": "new"})
    invalid.add_error("name", "A name starts with a letter. Try “lives-9”.")
    return {
        "badges": BADGES,
        "listing": listing.show(shown),
        "charts": charts(),
        "nothing": Listing.of(request, name="none", sorts={"name": "name"}, default="name").show([]),
        "statuses": [(label, label) for label, *_ in BADGES[:6]],
        "form": SampleForm(prefix="fresh"),
        "invalid": invalid,
        "steps": steps(),
        "tree": tree(),
        "now": timezone.now(),
        "earlier": timezone.now() - timedelta(seconds=42),
        "long_ago": timezone.now() - timedelta(days=500),
        "tags": {"team": "clinical-ml", "cost": 4711},
        "drafts": [
            {
                "key": UUID(int=1),
                "about": "diabetes-screening / diabetes:4",
                "href": "#draft",
                "begun": timezone.now(),
            },
            {
                "key": UUID(int=2),
                "about": "brave_sun",
                "href": "#draft",
                "is_for_job": True,
                "begun": timezone.now(),
            },
        ],
        "meanwhile": {
            "sentence": "ada changed gbt-v4 meanwhile.",
            "conflicts": [{"label": "Scoring timeout (seconds)", "theirs": "60 s", "mine": "90 s"}],
            "taken_over": [{"label": "Max retries", "theirs": "5"}],
        },
        "nodes": [
            {
                "title": "Data",
                "text": "visits/2026-11/ · 40 files",
                "icon": "database",
                "tone": "success",
                "href": "#graph",
            },
            {
                "title": "batchscoring",
                "text": "2 nodes × 2 slots",
                "icon": "package",
                "tone": "info",
                "href": "#graph",
                "selected": True,
                "status": "Running",
            },
            {"title": "score", "text": "predictions.csv", "icon": "table", "dashed": True, "href": "#graph"},
        ],
        "figures": [
            "5,116,000 of 8,120,000 rows",
            "1.04 M rows/s",
            "153 of 243 mini-batches",
            "about 3 s left",
        ],
        "columns": [
            {"name": "row", "type": "long", "numeric": True},
            {"name": "prediction", "type": "double", "numeric": True},
            {"name": "file_name", "type": "string"},
        ],
        "cells": [[n, None if n == 2 else 0.4125 + n / 3, "visits-07.csv"] for n in range(6)],
    }
