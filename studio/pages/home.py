from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from studio.models import Cluster, Deployment, Endpoint, Job, RegisteredModel, RegistryState
from studio.pages.render import render_page

LAST = 8


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    jobs = Job.objects.visible_to(request.user)
    deployments = Deployment.objects.visible_to(request.user)
    running = jobs.unfinished().count()
    clusters = Cluster.objects.with_nodes()
    endpoints = Endpoint.objects.visible_to(request.user)
    context = {
        "jobs": jobs.for_list().newest_first()[:LAST],
        "running": running,
        "is_changing": running or deployments.creating().exists(),
        "endpoint_count": endpoints.count(),
        "endpoints": endpoints.with_figures().with_states().newest_first()[:LAST],
        "model_count": RegisteredModel.objects.visible_to(request.user).count(),
        "slots": sum(cluster.live_slots for cluster in clusters),
        "busy": sum(cluster.busy_slots for cluster in clusters),
        "nodes": sum(cluster.live_count for cluster in clusters),
        "registry": RegistryState.current(),
        "is_new": jobs.count() < 2,  # the sample job is there from the start
        "sample": jobs.in_status(Job.Status.COMPLETED).newest_first().last(),
        "mlflow_uri": settings.MLFLOW_ADDRESS,
    }
    return render_page(request, "home.html", context, fragment="live")
