"""Wizards: steps with addresses, answers in a draft row."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse

from studio.actions.drafts import answer_step
from studio.forms.wizard import StepForm
from studio.models import Draft


@dataclass(frozen=True)
class Step:
    name: str
    title: Any
    form: type[StepForm]


@dataclass(frozen=True)
class StepLink:
    """One step as the stepper shows it."""

    title: Any
    href: str
    state: str  # done, current or todo


@dataclass(frozen=True)
class Wizard:
    steps: tuple[Step, ...]
    url_name: str  # of a step, with key and step

    def step(self, name: str) -> Step:
        for step in self.steps:
            if step.name == name:
                return step
        raise Http404

    def url(self, draft: Draft, step: Step) -> str:
        return reverse(self.url_name, args=[draft.key, step.name])

    def first_open(self, draft: Draft) -> Step:
        """The first step without an answer."""
        return next((step for step in self.steps if step.name not in draft.answers), self.steps[-1])

    def neighbour(self, draft: Draft, step: Step, offset: int) -> str:
        """The address of the step before (-1) or after (+1); empty where there is none."""
        place = self.steps.index(step) + offset
        return self.url(draft, self.steps[place]) if 0 <= place < len(self.steps) else ""

    def redirect_where_it_belongs(self, draft: Draft, step: Step) -> HttpResponseRedirect | None:
        """A finished draft leads to what it became; a step too far leads to the first that has no answer."""
        if draft.finished_at:
            return redirect(draft.answers["result"])
        allowed = self.first_open(draft)
        if self.steps.index(step) > self.steps.index(allowed):
            return redirect(self.url(draft, allowed))
        return None

    def context(self, draft: Draft, step: Step, form: StepForm) -> dict[str, Any]:
        here, reachable = self.steps.index(step), self.steps.index(self.first_open(draft))
        links = []
        for place, other in enumerate(self.steps):
            answered = other.name in draft.answers
            state = "current" if place == here else "done" if answered else "todo"
            links.append(StepLink(other.title, self.url(draft, other) if place <= reachable else "", state))
        return {
            "draft": draft,
            "step": step,
            "steps": links,
            "form": form,
            "action": self.url(draft, step),
            "back": self.neighbour(draft, step, -1),
            "is_last": step is self.steps[-1],
            "edit": {other.name: self.url(draft, other) for other in self.steps},
        }

    def keep(self, request: HttpRequest, draft: Draft, step: Step, form: StepForm) -> HttpResponse:
        """Keep the valid answers and go on to the next step."""
        answer_step(draft=draft, step=step.name, answers=form.answers())
        return redirect(self.neighbour(draft, step, +1))
