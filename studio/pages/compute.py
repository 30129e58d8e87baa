from typing import Any
from zlib import crc32

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions import compute as actions
from studio.errors import ChangedMeanwhile, FieldErrors
from studio.finding import find_cluster, find_node
from studio.forms.compute import ClusterForm, ClusterSizeForm, EditClusterForm
from studio.forms.guarded import Meanwhile
from studio.models import Cluster, Deployment, Job
from studio.pages.guard import needs
from studio.pages.job_list import list_context
from studio.pages.listing import Listing
from studio.pages.render import render_page
from studio.roles import check_may_administer

SORTS = {"name": "name", "kind": "kind", "slots": "slots", "queued": "queued", "created": "created_at"}
BOTH = ["GET", "HEAD", "POST"]


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    listing = Listing.of(request, name="clusters", sorts=SORTS, default="name", filters=["kind"])
    rows = Cluster.objects.visible_to(request.user).matching(listing.search).of_kind(listing.filters["kind"])
    context = {
        "listing": listing.show(rows.with_nodes().with_queue()),
        "kinds": Cluster.Kind.choices,
        "why_no_create": permissions.reason_against(permissions.check_can_create_cluster, request.user),
    }
    return render_page(request, "compute/index.html", context, fragment="rows")


@require_http_methods(BOTH)
@needs(check_may_administer)
def new(request: HttpRequest) -> HttpResponse:
    form = ClusterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            cluster = actions.create_cluster(user=request.user, **form.values())  # type: ignore[arg-type]
        except FieldErrors as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("The cluster %(name)s is created.") % {"name": cluster.name})
            return redirect("compute:detail", name=cluster.name)
    return render_page(request, "compute/new.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(BOTH)
@needs(check_may_administer)
def edit(request: HttpRequest, name: str) -> HttpResponse:
    cluster = _cluster(request, name)
    permissions.check_can_edit_cluster(request.user, cluster)
    meanwhile: Meanwhile | None = None
    form: Any = EditClusterForm.of(cluster)
    if request.method == "POST":
        form = EditClusterForm(request.POST, cluster=cluster)
        try:
            if form.is_valid():
                return _save(request, cluster, form)
        except FieldErrors as refusal:
            _refuse(form, refusal)
        except ChangedMeanwhile as overtaken:
            form, meanwhile = form.beside(_cluster(request, name), str(overtaken))
    context = {"cluster": cluster, "form": form, "meanwhile": meanwhile}
    status = 422 if meanwhile or form.errors else 200
    return render_page(request, "compute/edit.html", context, status=status)


def _save(request: HttpRequest, cluster: Cluster, form: EditClusterForm) -> HttpResponse:
    seen = form.cleaned_data["revision"]
    actions.edit_cluster(user=request.user, cluster=cluster, revision=seen, **form.values())  # type: ignore[arg-type]
    messages.success(request, _("%(name)s is saved.") % {"name": cluster.name})
    return redirect("compute:detail", name=cluster.name)


def _refuse(form: ClusterSizeForm, refusal: FieldErrors) -> None:
    for field, sentence in refusal.fields.items():
        form.add_error(field, sentence)


def _cluster(request: HttpRequest, name: str = "") -> Cluster:
    """The one that the address names, or the selected row of the list."""
    return find_cluster(request.user, name or request.GET.get("selected", ""))


def _reason(request: HttpRequest, verb: str, cluster: Cluster) -> str:
    return permissions.reason_against(
        getattr(permissions, f"check_can_{verb}_cluster"), request.user, cluster
    )


def _head(request: HttpRequest, cluster: Cluster, *, tab: str) -> dict[str, Any]:
    """What the tabs of a cluster's page show above themselves."""
    job_count = cluster.jobs.count()
    reasons = {
        f"why_no_{verb}": _reason(request, verb, cluster) for verb in ("edit", "start", "stop", "delete")
    }
    # A live part brings what stands around it only when that has changed: it would take the focus away.
    around = f"{crc32(repr((cluster.state, cluster.live_count, job_count, reasons)).encode()):x}"
    return {
        "cluster": cluster,
        "tab": tab,
        "job_count": job_count,
        "mlflow_uri": settings.MLFLOW_ADDRESS,
        "around": around,
        "brings_around": request.GET.get("around") != around,
        **reasons,
    }


@require_safe
def detail(request: HttpRequest, name: str) -> HttpResponse:
    cluster = _cluster(request, name)
    deployments = Deployment.objects.visible_to(request.user).filter(cluster=cluster)
    context = {
        **_head(request, cluster, tab="details"),
        "deployments": deployments.for_list().order_by("endpoint__name", "name")[:100],
    }
    return render_page(request, "compute/detail.html", context, fragment="live")


@require_safe
def nodes(request: HttpRequest, name: str) -> HttpResponse:
    cluster = _cluster(request, name)
    return render_page(request, "compute/nodes.html", _head(request, cluster, tab="nodes"), fragment="live")


@require_safe
def jobs(request: HttpRequest, name: str) -> HttpResponse:
    cluster = _cluster(request, name)
    of_cluster = Job.objects.visible_to(request.user).on_cluster(cluster)
    context = {**_head(request, cluster, tab="jobs"), **list_context(request, of_cluster)}
    return render_page(request, "compute/jobs.html", context, fragment="rows")


@require_http_methods(BOTH)
@needs(check_may_administer)
def start(request: HttpRequest, name: str = "") -> HttpResponse:
    cluster = _cluster(request, name)
    if request.method == "POST":
        actions.start_cluster(user=request.user, cluster=cluster)  # type: ignore[arg-type]
        said = _("%(name)s takes work again.") if cluster.is_external else _("%(name)s is started.")
        messages.success(request, said % {"name": cluster.name})
        return redirect("compute:detail", name=cluster.name)
    context = {"cluster": cluster, "reason": _reason(request, "start", cluster)}
    return render_page(request, "compute/start.html", context, fragment="dialog")


@require_http_methods(BOTH)
@needs(check_may_administer)
def stop(request: HttpRequest, name: str = "") -> HttpResponse:
    cluster = _cluster(request, name)
    if request.method == "POST":
        actions.stop_cluster(user=request.user, cluster=cluster)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s stops.") % {"name": cluster.name})
        return redirect("compute:detail", name=cluster.name)
    context = {
        "cluster": cluster,
        "jobs": _unfinished(cluster),
        "reason": _reason(request, "stop", cluster),
    }
    return render_page(request, "compute/stop.html", context, fragment="dialog")


def _unfinished(cluster: Cluster) -> str:
    count = cluster.jobs.unfinished().count()
    if not count:
        return _("No job runs on it now.")
    return ngettext(
        "%(count)s job runs on it: the mini-batches under way are finished, the others wait until it is started again.",
        "%(count)s jobs run on it: the mini-batches under way are finished, the others wait until it is started again.",
        count,
    ) % {"count": count}


@require_http_methods(BOTH)
@needs(check_may_administer)
def delete(request: HttpRequest, name: str = "") -> HttpResponse:
    cluster = _cluster(request, name)
    if request.method == "POST":
        actions.delete_cluster(user=request.user, cluster=cluster)  # type: ignore[arg-type]
        messages.success(request, _("The cluster %(name)s is deleted.") % {"name": cluster.name})
        return redirect("compute:index")
    context = {
        "cluster": cluster,
        "job_count": cluster.jobs.count(),
        "reason": _reason(request, "delete", cluster),
    }
    return render_page(request, "compute/delete.html", context, fragment="dialog")


@require_http_methods(BOTH)
@needs(check_may_administer)
def drain(request: HttpRequest, name: str, node: str) -> HttpResponse:
    cluster = _cluster(request, name)
    one = find_node(cluster, node)
    if request.method == "POST":
        actions.drain_node(user=request.user, node=one)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s finishes its work and ends.") % {"name": one.name})
        return redirect("compute:nodes", name=cluster.name)
    reason = permissions.reason_against(permissions.check_can_drain_node, request.user, one)
    context = {"cluster": cluster, "node": one, "reason": reason}
    return render_page(request, "compute/drain.html", context, fragment="dialog")
