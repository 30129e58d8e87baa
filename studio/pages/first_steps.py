"""What a newcomer does first; each step ticks itself off when it is done."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from studio.actions import samples
from studio.models import DataAsset, Deployment, Job, RegisteredModel
from studio.permissions import Person, reason_against
from studio.roles import check_may_manage


@dataclass(frozen=True)
class FirstStep:
    key: str
    title: str
    is_done: bool


def first_steps(user: Person) -> list[FirstStep]:
    """The steps, what the studio came with not counted; none once all are done, or for who only looks."""
    if reason_against(check_may_manage, user):
        return []
    models = RegisteredModel.objects.visible_to(user).exclude(name=samples.MODEL)
    deployments = Deployment.objects.visible_to(user).exclude(endpoint__name=samples.ENDPOINT)
    data = DataAsset.objects.visible_to(user).exclude(name=samples.DATA)
    jobs = Job.objects.visible_to(user).submitted_by(user.get_username())
    steps = [
        FirstStep("model", _("Register a model"), models.exists()),
        FirstStep("deployment", _("Deploy it"), deployments.ready().exists()),
        FirstStep("data", _("Bring your data"), data.exists()),
        FirstStep("job", _("Create a job"), jobs.exclude(input_asset__asset__name=samples.DATA).exists()),
    ]
    return [] if all(step.is_done for step in steps) else steps


def sample_job(user: Person) -> Any:
    """The finished job that the studio made at its first start, else None."""
    jobs = Job.objects.visible_to(user).in_status(Job.Status.COMPLETED)
    return jobs.filter(endpoint_name=samples.ENDPOINT).newest_first().last()
