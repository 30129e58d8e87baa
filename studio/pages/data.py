from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from studio.actions.data import register_data_asset, upload_data_asset
from studio.actions.inputs import FirstRows, first_rows_of, list_input
from studio.errors import FieldErrors, StudioError
from studio.forms.data import UPLOAD, DataAssetForm
from studio.models import DataAsset, DataAssetVersion, Endpoint
from studio.pages.listing import Listing
from studio.pages.render import render_page

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


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    listing = Listing.of(request, name="data", sorts=SORTS, default="-created")
    rows = DataAsset.objects.visible_to(request.user).matching(listing.search).with_latest()
    rows = rows.select_related("created_by")
    return render_page(request, "data/index.html", {"listing": listing.show(rows)}, fragment="rows")


@require_http_methods(["GET", "HEAD", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    data = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form = DataAssetForm(*data, user=request.user, initial=_known(request))
    if form.is_valid():
        try:
            version = _register(request, form.cleaned_data)
        except FieldErrors as refusal:
            for name, sentence in refusal.fields.items():
                form.add_error(name, sentence)
        else:
            messages.success(request, _("%(asset)s is registered.") % {"asset": version})
            return redirect("data:detail", name=version.asset.name)
    return render_page(request, "data/new.html", {"form": form}, status=422 if form.errors else 200)


def _known(request: HttpRequest) -> dict[str, Any]:
    """What a new version of the asset in the address has in common with it."""
    asset = DataAsset.objects.visible_to(request.user).filter(name=request.GET.get("name", "")).first()
    return {"name": asset.name, "type": asset.type} if asset else {}


def _register(request: HttpRequest, answers: dict[str, Any]) -> DataAssetVersion:
    common: dict[str, Any] = {name: answers[name] for name in ("name", "description", "type")}
    common["user"] = request.user
    if answers["source"] == UPLOAD:
        files = [(file.name, file) for file in answers["files"]]
        return upload_data_asset(**common, files=files)
    return register_data_asset(**common, datastore=answers["datastore"], path=answers["path"])


@require_safe
def detail(request: HttpRequest, name: str) -> HttpResponse:
    """One version at a time, the latest unless another is asked for; the first rows of one of its files."""
    asset = get_object_or_404(DataAsset.objects.visible_to(request.user), name=name)
    versions = list(asset.versions.select_related("datastore", "created_by"))
    wanted = request.GET.get("version") or str(versions[0].version)
    shown = next((one for one in versions if str(one.version) == wanted), None)
    if shown is None:
        raise Http404
    context = {
        "asset": asset,
        "version": shown,
        "versions": versions,
        "has_endpoint": Endpoint.objects.visible_to(request.user).exists(),
        **_files(shown, request.GET.get("file", "")),
    }
    return render_page(request, "data/detail.html", context)


def _files(version: DataAssetVersion, wanted: str) -> dict[str, Any]:
    try:
        files = list_input(datastore=version.datastore, path=version.path)
    except StudioError as refusal:
        return {"files": [], "rows": FirstRows(problem=str(refusal))}
    chosen = next((file for file in files if file.path == wanted), files[0] if files and not wanted else None)
    if wanted and chosen is None:
        raise Http404
    rows = first_rows_of(datastore=version.datastore, root=version.path, file=chosen) if chosen else None
    return {"files": files[:FILES_SHOWN], "file_count": len(files), "chosen": chosen, "rows": rows}
