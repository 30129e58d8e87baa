from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from studio.models import Cluster
from studio.pages.render import render_page


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render_page(
        request, "compute/index.html", {"clusters": Cluster.objects.with_nodes()}, fragment="live"
    )
