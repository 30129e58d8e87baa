from typing import Any

from django.contrib import messages
from django.http import FileResponse, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from studio import permissions
from studio.actions import datastores as actions
from studio.actions import stored_files
from studio.actions.browsing import folder_page
from studio.errors import FieldErrors, NotFound, StudioError
from studio.finding import find_datastore
from studio.forms.datastore_kinds import FORMS, DatastoreForm
from studio.forms.datastores import FolderForm, UploadForm
from studio.models import DataAsset, DataAssetVersion, Datastore
from studio.pages.bearer import takes_tokens
from studio.pages.guard import needs
from studio.pages.listing import Listing
from studio.pages.pictures import picture_response
from studio.pages.render import render_page
from studio.pages.uploads import chosen_files
from studio.roles import check_may_administer, check_may_run

SORTS = {
    "name": "name",
    "kind": "kind",
    "location": "address",
    "assets": "asset_count",
    "created": "created_at",
    "person": "created_by__username",
}
BOTH = ["GET", "HEAD", "POST"]
ASSETS_SHOWN = 50


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    listing = Listing.of(request, name="datastores", sorts=SORTS, default="name")
    rows = Datastore.objects.visible_to(request.user).with_asset_count().with_address()
    context = {
        "listing": listing.show(rows.matching(listing.search).select_related("created_by")),
        "why_no_create": permissions.reason_against(permissions.check_can_create_datastore, request.user),
    }
    return render_page(request, "datastores/index.html", context, fragment="rows")


@sensitive_post_parameters()
@require_http_methods(BOTH)
@needs(check_may_administer)
def new(request: HttpRequest) -> HttpResponse:
    """Its type is chosen by links, which take name and description along."""
    kind, form = _form_of_kind(request)
    if form.is_valid():
        answers = {name: form.cleaned_data[name] for name in ("name", "description")}
        try:
            store = actions.create_datastore(
                user=request.user,  # type: ignore[arg-type]
                **answers,
                kind=kind,
                options=form.options,
                secrets=form.secrets,
            )
        except FieldErrors as refusal:
            for field, sentence in refusal.fields.items():
                form.add_error(form.place if field == "place" else field, sentence)
        else:
            messages.success(request, _("The datastore %(name)s is registered.") % {"name": store.name})
            return redirect("datastores:detail", name=store.name)
    kinds = [(value, Datastore.Kind(value).label, form.about) for value, form in FORMS.items()]
    context = {"form": form, "kind": kind, "kinds": kinds}
    return render_page(request, "datastores/new.html", context, status=422 if form.errors else 200)


def _form_of_kind(request: HttpRequest) -> tuple[str, DatastoreForm]:
    answers = request.POST if request.method == "POST" else request.GET
    kind = answers.get("kind", str(Datastore.Kind.LOCAL))
    if kind not in FORMS:
        raise NotFound(_("There is no type of datastore “%(kind)s”.") % {"kind": kind})
    if request.method == "POST":
        return kind, FORMS[kind](answers)
    return kind, FORMS[kind](initial={name: answers.get(name, "") for name in ("name", "description")})


def _refuse(form: Any, refusal: FieldErrors) -> None:
    for field, sentence in refusal.fields.items():
        form.add_error(field, sentence)


def _datastore(request: HttpRequest, name: str = "") -> Datastore:
    """The one that the address names, or the selected row of the list."""
    return find_datastore(request.user, name or request.GET.get("selected", ""))


def _reason(request: HttpRequest, check: Any, store: Datastore) -> str:
    return permissions.reason_against(check, request.user, store)


def _head(request: HttpRequest, store: Datastore, *, tab: str) -> dict[str, Any]:
    """What both tabs of a datastore's page show above themselves."""
    return {
        "store": store,
        "tab": tab,
        "why_no_credentials": _reason(request, permissions.check_can_update_credentials, store),
        "why_no_default": _reason(request, permissions.check_can_set_default_datastore, store),
        "why_no_unregister": _reason(request, permissions.check_can_unregister_datastore, store),
        "why_no_upload": _reason(request, permissions.check_can_write_to_datastore, store),
    }


@require_safe
def detail(request: HttpRequest, name: str) -> HttpResponse:
    store = _datastore(request, name)
    assets = DataAsset.objects.visible_to(request.user).lying_in(store).with_latest().order_by("name")
    context = {
        **_head(request, store, tab="overview"),
        "assets": assets[:ASSETS_SHOWN],
        "options": FORMS[store.kind].shown_options(store),
    }
    return render_page(request, "datastores/detail.html", context)


# ---- Browse


@require_safe
def browse(request: HttpRequest, name: str) -> HttpResponse:
    """One folder; where the path is a file's, that file's first rows or text beside its folder."""
    store = _datastore(request, name)
    path = request.GET.get("path", "")
    context = {
        **_head(request, store, tab="browse"),
        "here": request.path,
        "top": f"{request.path}?path=",
        "open": f"{request.path}?path=",
    }
    try:
        begin, prefix = request.GET.get("begin", ""), request.GET.get("prefix", "")
        folder = folder_page(datastore=store, path=path, begin=begin, prefix=prefix, hidden=True)
        context |= {"folder": folder, "assets": _assets_around(request, store, folder.path)}
        if folder.path != stored_files.tidy(path):
            context["preview"] = stored_files.preview_object(datastore=store, path=path)
    except StudioError as refusal:
        context["problem"] = str(refusal)
    return render_page(request, "datastores/browse.html", context, fragment="browse")


def _assets_around(request: HttpRequest, store: Datastore, path: str) -> list[DataAssetVersion]:
    """Data assets whose jobs read what is changed in this folder."""
    versions = DataAssetVersion.objects.visible_to(request.user).around(store, path)
    return list(versions.select_related("asset").order_by("asset__name", "version")[:4])


@takes_tokens
@require_safe
def download(request: HttpRequest, name: str) -> HttpResponseBase:
    store = _datastore(request, name)
    path = request.GET.get("path", "")
    stream = stored_files.open_object(datastore=store, path=path)
    file = stored_files.tidy(path).rsplit("/", 1)[-1]
    return FileResponse(stream, as_attachment=True, filename=file, content_type="application/octet-stream")


@require_safe
def picture(request: HttpRequest, name: str) -> HttpResponse:
    return picture_response(request, datastore=_datastore(request, name), path=request.GET.get("path", ""))


@require_http_methods(BOTH)
@needs(check_may_run)
def upload(request: HttpRequest, name: str) -> HttpResponse:
    store = _datastore(request, name)
    folder = request.GET.get("path", "")
    data = (request.POST, request.FILES) if request.method == "POST" else (None, None)
    form, exists = UploadForm(*data), ""
    if form.is_valid():
        try:
            with chosen_files(user=request.user, form=form) as files:
                stored = stored_files.upload_files(
                    user=request.user,  # type: ignore[arg-type]
                    datastore=store,
                    folder=folder,
                    files=files,
                    replace=form.cleaned_data["replace"],
                    unpack=form.cleaned_data["unpack"],
                )
        except stored_files.FilesExist as refusal:
            exists = str(refusal)
        except FieldErrors as refusal:
            _refuse(form, refusal)
        else:
            said = ngettext("%(count)s file is stored.", "%(count)s files are stored.", len(stored))
            messages.success(request, said % {"count": len(stored)})
            return redirect(_browse_url(store, folder))
    context = {
        "store": store,
        "form": form,
        "exists": exists,
        "path": folder,
        "back": _browse_url(store, folder),
        "assets": _assets_around(request, store, stored_files.tidy(folder)),
    }
    status = 422 if form.errors or exists else 200
    return render_page(request, "datastores/upload.html", context, fragment="dialog", status=status)


def _browse_url(store: Datastore, path: str) -> str:
    here = reverse("datastores:browse", args=[store.name])
    return f"{here}?{urlencode({'path': path})}" if path else here


@require_http_methods(BOTH)
@needs(check_may_run)
def new_folder(request: HttpRequest, name: str) -> HttpResponse:
    store = _datastore(request, name)
    folder = request.GET.get("path", "")
    form = FolderForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            made = stored_files.make_folder(
                user=request.user,  # type: ignore[arg-type]
                datastore=store,
                folder=folder,
                name=form.cleaned_data["name"],
            )
        except FieldErrors as refusal:
            _refuse(form, refusal)
        else:
            messages.success(request, _("The folder “%(path)s” is made.") % {"path": made})
            return redirect(_browse_url(store, made))
    context = {"store": store, "form": form, "path": folder, "back": _browse_url(store, folder)}
    status = 422 if form.errors else 200
    return render_page(request, "datastores/new_folder.html", context, fragment="dialog", status=status)


# ---- Test access, default, unregister


@require_http_methods(BOTH)
@needs(check_may_run)
def access(request: HttpRequest, name: str = "") -> HttpResponse:
    """Asks before it writes a probe, then shows the four steps."""
    store = _datastore(request, name)
    context: dict[str, Any] = {"store": store}
    if request.method == "POST":
        steps = actions.check_access(user=request.user, datastore=store)  # type: ignore[arg-type]
        context |= {"steps": steps, "has_passed": all(step.has_passed for step in steps)}
    return render_page(request, "datastores/access.html", context, fragment="dialog")


@sensitive_post_parameters()
@require_http_methods(BOTH)
@needs(check_may_administer)
def credentials(request: HttpRequest, name: str = "") -> HttpResponse:
    """What is given replaces what is kept, once it has been tried."""
    store = _datastore(request, name)
    fields = FORMS[store.kind].credentials
    form, problem = fields(request.POST if request.method == "POST" else None, datastore=store), ""
    if form.is_valid():
        try:
            actions.update_credentials(
                user=request.user,  # type: ignore[arg-type]
                datastore=store,
                options=form.options,
                secrets=form.secrets,
            )
        except FieldErrors as refusal:
            problem = str(refusal)
        else:
            messages.success(request, _("%(name)s has its new credentials.") % {"name": store.name})
            return redirect("datastores:detail", name=store.name)
    context = {
        "store": store,
        "form": form,
        "problem": problem,
        "reason": _reason(request, permissions.check_can_update_credentials, store),
    }
    status = 422 if form.errors or problem else 200
    return render_page(request, "datastores/credentials.html", context, fragment="dialog", status=status)


@require_http_methods(BOTH)
@needs(check_may_administer)
def set_default(request: HttpRequest, name: str = "") -> HttpResponse:
    store = _datastore(request, name)
    if request.method == "POST":
        actions.set_default_datastore(user=request.user, datastore=store)  # type: ignore[arg-type]
        messages.success(request, _("%(name)s is the default datastore now.") % {"name": store.name})
        return redirect("datastores:detail", name=store.name)
    context = {
        "store": store,
        "current": Datastore.objects.visible_to(request.user).default(),
        "reason": _reason(request, permissions.check_can_set_default_datastore, store),
    }
    return render_page(request, "datastores/set_default.html", context, fragment="dialog")


@require_http_methods(BOTH)
@needs(check_may_administer)
def unregister(request: HttpRequest, name: str = "") -> HttpResponse:
    store = _datastore(request, name)
    if request.method == "POST":
        actions.unregister_datastore(user=request.user, datastore=store)  # type: ignore[arg-type]
        messages.success(
            request, _("%(name)s is no longer registered. Its files stay.") % {"name": store.name}
        )
        return redirect("datastores:index")
    reason = _reason(request, permissions.check_can_unregister_datastore, store)
    context = {"store": store, "reason": reason}
    return render_page(request, "datastores/unregister.html", context, fragment="dialog")
