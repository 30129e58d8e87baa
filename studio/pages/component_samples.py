"""What the component page shows: invented things, enough of them to see every state."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django import forms
from django.http import HttpRequest
from django.utils import timezone

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
