from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from studio.models import Cluster, Deployment, Endpoint, Job, RegisteredModel, RegistryState
from studio.pages.first_steps import first_steps, sample_job
from studio.pages.render import render_page, wants_fragment

LAST = 6
LATELY = timedelta(days=7)


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    clusters = list(Cluster.objects.visible_to(request.user).with_nodes()[:LAST])
    work = _work(request)
    context = {
        **work,
        "clusters": clusters,
        "cluster_count": Cluster.objects.visible_to(request.user).count(),
        "endpoints": _endpoints(request),
        "endpoint_count": Endpoint.objects.visible_to(request.user).count(),
        "model_count": RegisteredModel.objects.visible_to(request.user).count(),
        "registry": RegistryState.current(),
        "is_changing": work["running_count"] or work["creating"] or any(c.busy_slots for c in clusters),
    }
    if not wants_fragment(request):
        context |= {"steps": first_steps(request.user), "sample": sample_job(request.user)}
    return render_page(
        request, "home.html", {**context, "mlflow_uri": settings.MLFLOW_ADDRESS}, fragment="live"
    )


def _work(request: HttpRequest) -> dict[str, Any]:
    """Jobs and deployments: what is under way, what failed lately, what this person did last."""
    jobs = Job.objects.visible_to(request.user)
    deployments = Deployment.objects.visible_to(request.user).for_list()
    since = timezone.now() - LATELY
    failed = jobs.failed_since(since)
    running = jobs.unfinished()
    return {
        "running": running.for_list().newest_first()[:LAST],
        "running_count": running.count(),
        "creating": list(deployments.creating().order_by("-created_at")[:LAST]),
        "failed": failed.for_list().order_by("-finished_at")[:LAST],
        "failed_count": failed.count(),
        "failed_deployments": deployments.failed_since(since).order_by("-finished_at")[:LAST],
        "days": LATELY.days,
        "mine": jobs.submitted_by(request.user.get_username()).for_list().newest_first()[:LAST],
    }


def _endpoints(request: HttpRequest) -> Any:
    return Endpoint.objects.visible_to(request.user).with_figures().with_states().newest_first()[:LAST]
