"""The topics of Help: one template each in templates/help/, found by their words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import strip_tags
from django.utils.translation import gettext_lazy as _

AROUND = 90  # characters of a text that are shown on each side of a found word


@dataclass
class Topic:
    slug: str
    title: Any
    summary: Any
    icon: str
    azure: Any = ""  # what a user of Azure's studio calls it

    @property
    def template(self) -> str:
        return f"help/{self.slug}.html"

    @cached_property
    def text(self) -> str:
        drawn = render_to_string(self.template, {"is_plain": True})
        return re.sub(r"\s+", " ", f"{self.title}. {self.summary} {self.azure} {strip_tags(drawn)}")

    def excerpt(self, words: Sequence[str]) -> str:
        """The text around the first of `words`; empty where one of them is missing."""
        lower = self.text.casefold()
        places = [lower.find(word) for word in words]
        if not words or min(places) < 0:
            return ""
        at = min(places)
        start, end = max(0, at - AROUND), at + AROUND
        dots = "…" if start else ""
        return f"{dots}{self.text[start:end].strip()}…"


TOPICS = [
    Topic(
        "start",
        _("Getting started"),
        _("From a model in MLflow to reviewed predictions, in four steps."),
        "rocket",
        _("Azure Machine Learning studio, batch endpoints"),
    ),
    Topic(
        "models",
        _("Models"),
        _("What the registry shows of a model, and which models can score."),
        "package",
        _("Models"),
    ),
    Topic(
        "endpoints",
        _("Endpoints and deployments"),
        _("A stable name, the models behind it, and every setting."),
        "cloud-computing",
        _("Endpoints, Batch endpoints"),
    ),
    Topic(
        "environments",
        _("Environments"),
        _("How the Python and the packages of a model are rebuilt."),
        "box",
        _("Environments"),
    ),
    Topic(
        "jobs",
        _("Jobs and mini-batches"),
        _("Create a job, follow it, and what to do when it fails."),
        "flask",
        _("Jobs, batch scoring jobs"),
    ),
    Topic(
        "data",
        _("Data and datastores"),
        _("Versions of files and folders, and where they are stored."),
        "database",
        _("Data assets (registered datasets), Datastores"),
    ),
    Topic(
        "compute",
        _("Compute"),
        _("Clusters, nodes and slots: who does the work, and when."),
        "server-2",
        _("Compute clusters"),
    ),
    Topic(
        "predictions",
        _("Predictions and exactness"),
        _("The layout of the output, and what is promised about it."),
        "table",
        _("predictions.csv, output “score”"),
    ),
    Topic(
        "notebook",
        _("Registering from a notebook"),
        _("The lines of code that bring a model here."),
        "brand-python",
        _("mlflow.register_model"),
    ),
    Topic(
        "people",
        _("People and roles"),
        _("Who may look, who may work, and who looks after the studio."),
        "users",
        _("Access control (IAM): AzureML Data Scientist, Reader, Owner"),
    ),
    Topic(
        "tokens",
        _("API tokens"),
        _("How a script or a pipeline signs in."),
        "key",
        _("Keys, Microsoft Entra tokens"),
    ),
    Topic(
        "rest",
        _("REST API"),
        _("How another system starts a job, follows it and takes its predictions."),
        "code",
        _("REST endpoint, invoke, az ml batch-endpoint invoke"),
    ),
    Topic(
        "keyboard",
        _("Keyboard and accessibility"),
        _("Everything without a mouse, and what screen readers are told."),
        "id",
    ),
]
BY_SLUG = {topic.slug: topic for topic in TOPICS}


def matching(search: str) -> list[tuple[Topic, str]]:
    """Topics that hold every word of `search`, each with the text around the first; all without a search."""
    words = search.casefold().split()
    if not words:
        return [(topic, "") for topic in TOPICS]
    found = [(topic, topic.excerpt(words)) for topic in TOPICS]
    return [(topic, text) for topic, text in found if text]
