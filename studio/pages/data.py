from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from studio import permissions
from studio.actions import exploring
from studio.actions.addresses import find_address
from studio.actions.browsing import folder_page
from studio.actions.data import (
    archive_data_asset,
    delete_data_asset,
    edit_data_asset,
    register_address,
    register_data_asset,
    restore_data_asset,
    upload_data_asset,
)
from studio.errors import ChangedMeanwhile, FieldErrors, NotFound, StudioError
from studio.finding import find_data_asset
from studio.forms.data import (
    ADDRESS,
    DATASTORE,
    UPLOAD,
    DataAssetDetailsForm,
    DataAssetForm,
    starting_answers,
)
from studio.forms.guarded import Meanwhile
from studio.forms.numbers import whole_number
from studio.models import DataAsset, DataAssetVersion, Datastore, Endpoint, Job
from studio.pages.guard import needs
from studio.pages.job_list import list_context
from studio.pages.listing import Listing
from studio.pages.pictures import picture_response
from studio.pages.render import render_page
from studio.pages.uploads import chosen_files
from studio.roles import Person, check_may_run

SORTS = {
    "name": "name",
    "type": "type",
    "version": "latest_version",
    "files": "latest_files",
    "size": "latest_size",
    "created": "latest_created_at",
    "person": "created_by__username",
}
FILES_SHOWN = 200
IMAGES_SHOWN = 60
KEPT = ("name", "description", "type")  # of the form while a path is chosen


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    filters = ["type", "by", "archived"]
    listing = Listing.of(request, name="data", sorts=SORTS, default="-created", filters=filters)
    visible = DataAsset.objects.visible_to(request.user)
    shown = visible.archived() if listing.filters["archived"] else visible.offered()
    chosen = shown.of_type(listing.filters["type"]).created_by_person(listing.filters["by"])
    rows = chosen.matching(listing.search).with_latest().select_related("created_by")
    people = visible.exclude(created_by=None).order_by("created_by__username")
    names = people.values_list("created_by__username", flat=True).distinct()
    context = {
        "listing": listing.show(rows),
        "types": DataAsset.Type.choices,
        "archived_count": visible.archived().count(),
        "people": [(name, name) for name in names],
        "why_no_create": permissions.reason_against(permissions.check_can_create_data_asset, request.user),
    }
    return render_page(request, "data/index.html", context, fragment="rows")


# ---- Create


@sensitive_post_parameters("address")
@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def new(request: HttpRequest) -> HttpResponse:
    data = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    asset = _named(request, request.GET.get("name", ""))
    form = DataAssetForm(*data, user=request.user, initial=starting_answers(asset, request.GET))
    if form.is_valid():
        try:
            version = register(user=request.user, form=form)
        except FieldErrors as refusal:
            for name, sentence in refusal.fields.items():
                form.add_error(name, sentence)
        else:
            messages.success(request, _("%(asset)s is registered.") % {"asset": version})
            return redirect("data:detail", name=version.asset.name)
    existing = _named(request, str(form["name"].value() or ""))
    context = {"form": form, "existing": existing}
    return render_page(request, "data/new.html", context, status=422 if form.errors else 200)


def _named(request: HttpRequest, name: str) -> DataAsset | None:
    return DataAsset.objects.visible_to(request.user).with_latest().filter(name=name.strip()).first()


def register(*, user: Person, form: DataAssetForm) -> DataAssetVersion:
    """What the answers of a valid form say. Raises FieldErrors."""
    answers = form.cleaned_data
    common: dict[str, Any] = {name: answers[name] for name in ("name", "description", "type")}
    common["user"] = user
    if answers["source"] == UPLOAD:
        with chosen_files(user=user, form=form) as files:
            return upload_data_asset(**common, files=files, unpack=answers["unpack"])
    if answers["source"] == ADDRESS:
        return register_address(**common, address=answers["address"])
    return register_data_asset(**common, datastore=answers["datastore"], path=answers["path"])


@sensitive_post_parameters("address")
@require_POST
@needs(check_may_run)
def check_address(request: HttpRequest) -> HttpResponse:
    """What is found at an address, beside the form; a page of its own without JavaScript."""
    context: dict[str, Any] = {}
    try:
        context["found"] = find_address(request.POST.get("address", "").strip())
    except StudioError as refusal:
        context["problem"] = str(refusal)
    return render_page(request, "data/address.html", context, fragment="facts")


@require_safe
def check_name(request: HttpRequest) -> HttpResponse:
    """What the form says about a name while it is filled in."""
    existing = _named(request, request.GET.get("name", ""))
    return render_page(request, "data/new.html#name_note", {"existing": existing})


@sensitive_post_parameters("address")
@require_http_methods(["GET", "HEAD", "POST"])
def browse(request: HttpRequest) -> HttpResponse:
    """Chooses a path for the form: in its dialog, or as a page that takes the other answers along."""
    if request.method == "POST":  # the form without JavaScript; it may hold an address with a key
        typed = {name: request.POST[name] for name in (*KEPT, "datastore", "path") if name in request.POST}
        return redirect(f"{request.path}?{urlencode(typed)}")
    stores = list(Datastore.objects.visible_to(request.user).order_by("-is_default", "name"))
    wanted = whole_number(request.GET.get("datastore"))
    store = next((one for one in stores if one.pk == wanted), stores[0] if stores else None)
    if store is None:
        raise NotFound(_("There is no datastore yet. Create one under Data, Datastores."))
    kept = {name: request.GET[name] for name in KEPT if request.GET.get(name)}
    here, back = reverse("data:browse"), reverse("data:new")
    context: dict[str, Any] = {
        "store": store,
        "stores": [(one, f"{here}?{urlencode({**kept, 'datastore': one.pk})}") for one in stores],
        "here": here,
        "kept": {**kept, "datastore": store.pk},
        "top": f"{here}?{urlencode({**kept, 'datastore': store.pk})}&path=",
        "use": f"{back}?{urlencode({**kept, 'source': DATASTORE, 'datastore': store.pk})}&path=",
        "back": f"{back}?{urlencode(kept)}",
    }
    try:
        begin, prefix = request.GET.get("begin", ""), request.GET.get("prefix", "")
        context["folder"] = folder_page(
            datastore=store, path=request.GET.get("path", "").strip(), begin=begin, prefix=prefix
        )
    except StudioError as refusal:
        context["problem"] = str(refusal)
    return render_page(request, "data/browse.html", context, fragment="browser")


# ---- One asset, one version at a time


@require_safe
def detail(request: HttpRequest, name: str) -> HttpResponse:
    head = _head(request, name, tab="details")
    found = exploring.files_of(version=head["version"])
    context = {**head, "found": found, "files": found.files[:FILES_SHOWN]}
    return render_page(request, "data/detail.html", context)


@require_safe
def explore(request: HttpRequest, name: str) -> HttpResponse:
    """The first rows of one file, and what they say about its columns."""
    head = _head(request, name, tab="explore")
    version = head["version"]
    found = exploring.files_of(version=version)
    chosen = None if found.failure else found.find(request.GET.get("file", ""))
    context = {**head, "found": found, "files": found.files[:FILES_SHOWN], "chosen": chosen}
    if chosen:
        if chosen not in context["files"]:
            context["files"] = [chosen, *context["files"]]
        context["explored"] = exploring.explore(version=version, file=chosen)
        context["images"] = found.images[:IMAGES_SHOWN] if context["explored"].is_image else []
    return render_page(request, "data/explore.html", context)


@require_safe
def picture(request: HttpRequest, name: str) -> HttpResponse:
    version = _head(request, name, tab="explore")["version"]
    file = request.GET.get("file", "")
    path = version.path if version.asset.type == DataAsset.Type.FILE else f"{version.path}/{file}".lstrip("/")
    return picture_response(request, datastore=version.datastore, path=path)


@require_safe
def versions(request: HttpRequest, name: str) -> HttpResponse:
    return render_page(request, "data/versions.html", _head(request, name, tab="versions"))


@require_safe
def jobs(request: HttpRequest, name: str) -> HttpResponse:
    """Those that read any version of the asset, or only the one that is asked for."""
    head = _head(request, name, tab="jobs")
    reading = Job.objects.visible_to(request.user).reading(
        [head["version"]] if request.GET.get("only") else head["versions"]
    )
    context = {**head, "only": bool(request.GET.get("only")), **list_context(request, reading)}
    return render_page(request, "data/jobs.html", context, fragment="rows")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def edit(request: HttpRequest, name: str) -> HttpResponse:
    """Description and tags; versions never change, and the name is part of jobs' records."""
    asset = find_data_asset(request.user, name)
    permissions.check_can_edit_data_asset(request.user, asset)
    meanwhile: Meanwhile | None = None
    form: Any = DataAssetDetailsForm.of(asset)
    if request.method == "POST":
        form = DataAssetDetailsForm(request.POST)
        try:
            if form.is_valid():
                revision = form.cleaned_data["revision"]
                edit_data_asset(user=request.user, asset=asset, revision=revision, **form.typed)  # type: ignore[arg-type]
                messages.success(request, _("%(name)s is saved.") % {"name": asset.name})
                return redirect("data:detail", name=asset.name)
        except ChangedMeanwhile as overtaken:
            form, meanwhile = form.beside(find_data_asset(request.user, name), str(overtaken))
    context = {"asset": asset, "form": form, "meanwhile": meanwhile}
    status = 422 if meanwhile or form.errors else 200
    return render_page(request, "data/edit.html", context, fragment="dialog", status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def archive(request: HttpRequest, name: str) -> HttpResponse:
    """Or restore, where it is archived."""
    asset = find_data_asset(request.user, name)
    if request.method == "POST":
        if asset.is_archived:
            restore_data_asset(user=request.user, asset=asset)  # type: ignore[arg-type]
            messages.success(request, _("%(name)s is restored.") % {"name": asset.name})
        else:
            archive_data_asset(user=request.user, asset=asset)  # type: ignore[arg-type]
            messages.success(request, _("%(name)s is archived.") % {"name": asset.name})
        return redirect("data:detail", name=asset.name)
    context = {"asset": asset, "reason": _reason(request, permissions.check_can_archive_data_asset, asset)}
    return render_page(request, "data/archive.html", context, fragment="dialog")


@require_http_methods(["GET", "HEAD", "POST"])
@needs(check_may_run)
def delete(request: HttpRequest, name: str = "") -> HttpResponse:
    """The one that the address names, or the selected row of the list."""
    asset = find_data_asset(request.user, name or request.GET.get("selected", ""))
    if request.method == "POST":
        delete_data_asset(user=request.user, asset=asset)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s is deleted. Its files stay.") % {"name": asset.name})
        return redirect("data:index")
    versions = list(asset.versions.select_related("datastore"))
    context = {
        "asset": asset,
        "versions": versions,
        "job_count": Job.objects.visible_to(request.user).reading(versions).count(),
        "reason": _reason(request, permissions.check_can_delete_data_asset, asset),
    }
    return render_page(request, "data/delete.html", context, fragment="dialog")


def _reason(request: HttpRequest, check: Any, asset: DataAsset) -> str:
    return permissions.reason_against(check, request.user, asset)


def _head(request: HttpRequest, name: str, *, tab: str) -> dict[str, Any]:
    """What every tab shows above itself: the version that is asked for, the latest unless one is."""
    asset = find_data_asset(request.user, name)
    known = list(asset.versions.select_related("datastore", "created_by"))
    wanted = request.GET.get("version") or (str(known[0].version) if known else "")
    shown = next((one for one in known if str(one.version) == wanted), None)
    if shown is None:
        raise Http404
    for one in known:
        one.asset = asset
    return {
        "asset": asset,
        "version": shown,
        "versions": known,
        "query": "" if shown == known[0] else f"?version={shown.version}",
        "tab": tab,
        "job_count": Job.objects.visible_to(request.user).reading(known).count(),
        "has_endpoint": Endpoint.objects.visible_to(request.user).exists(),
        "why_no_edit": _reason(request, permissions.check_can_edit_data_asset, asset),
        "why_no_archive": _reason(request, permissions.check_can_archive_data_asset, asset),
        "why_no_delete": _reason(request, permissions.check_can_delete_data_asset, asset),
        "why_no_version": _reason(request, permissions.check_can_add_data_version, asset),
    }
