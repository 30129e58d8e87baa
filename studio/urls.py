from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from studio.api import docs
from studio.api.table import api
from studio.pages import (
    account,
    audit,
    compute,
    data,
    datastores,
    deployments,
    drafts,
    endpoints,
    home,
    jobs,
    models,
    notices,
    oidc,
    people,
    tokens,
    trials,
    ui,
    uploads,
)
from studio.pages import help as help_pages
from studio.pages.mlflow import mlflow

handler500 = "studio.pages.errors.broken"

account_urls = [
    path("", account.index, name="account"),
    path("preferences/", account.preferences, name="preferences"),
    path("password/", account.password, name="password"),
    path("sign-in/", account.SignIn.as_view(), name="login"),
    path("oidc/", oidc.begin, name="oidc"),
    path("oidc/callback/", oidc.callback, name="oidc_callback"),
    path("oidc/connect/", oidc.connect, name="oidc_connect"),
    path("oidc/disconnect/", oidc.disconnect, name="oidc_disconnect"),
    path("welcome/<uidb64>/<token>/", account.Welcome.as_view(), name="welcome"),
    path("sign-out/", account.SignOut.as_view(), name="logout"),
]
tokens_urls = (
    [
        path("", tokens.index, name="index"),
        path("new/", tokens.new, name="new"),
        path("<int:number>/revoke/", tokens.revoke, name="revoke"),
    ],
    "tokens",
)
notices_urls = (
    [path("", notices.index, name="index"), path("news/", notices.news, name="news")],
    "notices",
)
audit_urls = ([path("", audit.index, name="index"), path("export/", audit.export, name="export")], "audit")
people_urls = (
    [
        path("", people.index, name="index"),
        path("invite/", people.invite, name="invite"),
        path("-/role/", people.change_role, name="change_role_selected"),
        path("-/link/", people.renew_link, name="renew_link_selected"),
        path("-/deactivate/", people.deactivate, name="deactivate_selected"),
        path("-/reactivate/", people.reactivate, name="reactivate_selected"),
        path("<int:number>/role/", people.change_role, name="change_role"),
        path("<int:number>/link/", people.renew_link, name="renew_link"),
        path("<int:number>/deactivate/", people.deactivate, name="deactivate"),
        path("<int:number>/reactivate/", people.reactivate, name="reactivate"),
    ],
    "people",
)
compute_urls = (
    [
        path("", compute.index, name="index"),
        path("-/new/", compute.new, name="new"),
        path("-/start/", compute.start, name="start_selected"),
        path("-/stop/", compute.stop, name="stop_selected"),
        path("-/delete/", compute.delete, name="delete_selected"),
        path("<str:name>/", compute.detail, name="detail"),
        path("<str:name>/nodes/", compute.nodes, name="nodes"),
        path("<str:name>/nodes/<str:node>/drain/", compute.drain, name="drain"),
        path("<str:name>/jobs/", compute.jobs, name="jobs"),
        path("<str:name>/edit/", compute.edit, name="edit"),
        path("<str:name>/start/", compute.start, name="start"),
        path("<str:name>/stop/", compute.stop, name="stop"),
        path("<str:name>/delete/", compute.delete, name="delete"),
    ],
    "compute",
)
uploads_urls = (
    [path("", uploads.begin, name="begin"), path("<str:key>/", uploads.piece, name="piece")],
    "uploads",
)
data_urls = (
    [
        path("", data.index, name="index"),
        path("-/new/", data.new, name="new"),
        path("-/name/", data.check_name, name="check_name"),
        path("-/address/", data.check_address, name="check_address"),
        path("-/browse/", data.browse, name="browse"),
        path("-/delete/", data.delete, name="delete_selected"),
        path("<str:name>/", data.detail, name="detail"),
        path("<str:name>/explore/", data.explore, name="explore"),
        path("<str:name>/picture/", data.picture, name="picture"),
        path("<str:name>/versions/", data.versions, name="versions"),
        path("<str:name>/jobs/", data.jobs, name="jobs"),
        path("<str:name>/edit/", data.edit, name="edit"),
        path("<str:name>/archive/", data.archive, name="archive"),
        path("<str:name>/delete/", data.delete, name="delete"),
    ],
    "data",
)
datastores_urls = (
    [
        path("", datastores.index, name="index"),
        path("-/new/", datastores.new, name="new"),
        path("-/access/", datastores.access, name="access_selected"),
        path("-/default/", datastores.set_default, name="set_default_selected"),
        path("-/unregister/", datastores.unregister, name="unregister_selected"),
        path("<str:name>/", datastores.detail, name="detail"),
        path("<str:name>/browse/", datastores.browse, name="browse"),
        path("<str:name>/download/", datastores.download, name="download"),
        path("<str:name>/picture/", datastores.picture, name="picture"),
        path("<str:name>/upload/", datastores.upload, name="upload"),
        path("<str:name>/folder/", datastores.new_folder, name="new_folder"),
        path("<str:name>/access/", datastores.access, name="access"),
        path("<str:name>/credentials/", datastores.credentials, name="credentials"),
        path("<str:name>/default/", datastores.set_default, name="set_default"),
        path("<str:name>/unregister/", datastores.unregister, name="unregister"),
    ],
    "datastores",
)
models_urls = (
    [
        path("", models.index, name="index"),
        path("-/refresh/", models.refresh, name="refresh"),
        path("-/delete/", models.delete_selected, name="delete_selected"),
        path("-/register/files/", models.register_files, name="register_files"),
        path("-/register/run/", models.register_run, name="register_run"),
        path("-/register/name/", models.check_name, name="check_name"),
        path("-/registrations/<int:number>/", models.registration, name="registration"),
        path("<str:name>/", models.detail, name="detail"),
        path("<str:name>/edit/", models.edit, name="edit"),
        path("<str:name>/delete/", models.delete, name="delete"),
        path("<str:name>/versions/", models.versions, name="versions"),
        path("<str:name>/versions/<int:version>/", models.detail, name="version"),
        path("<str:name>/versions/<int:version>/edit/", models.edit, name="edit_version"),
        path("<str:name>/versions/<int:version>/aliases/", models.aliases, name="aliases"),
        path("<str:name>/versions/<int:version>/delete/", models.delete_version, name="delete_version"),
        path("<str:name>/versions/<int:version>/artifacts/", models.artifacts, name="artifacts"),
        path(
            "<str:name>/versions/<int:version>/artifacts/download/",
            models.download_artifact,
            name="download_artifact",
        ),
        path("<str:name>/versions/<int:version>/endpoints/", models.endpoints, name="endpoints"),
        path("<str:name>/versions/<int:version>/jobs/", models.jobs, name="jobs"),
    ],
    "models",
)
endpoints_urls = (
    [
        path("", endpoints.index, name="index"),
        path("-/delete/", endpoints.delete_selected, name="delete_selected"),
        path("<str:name>/", endpoints.detail, name="detail"),
        path("<str:name>/edit/", endpoints.edit, name="edit"),
        path("<str:name>/delete/", endpoints.delete, name="delete"),
        path("<str:name>/jobs/", endpoints.jobs, name="jobs"),
        path("<str:name>/default/", endpoints.update_default, name="update_default"),
        path("<str:name>/deployments/<str:deployment>/", deployments.detail, name="deployment"),
        path("<str:name>/deployments/<str:deployment>/retry/", deployments.retry, name="retry"),
        path("<str:name>/deployments/<str:deployment>/edit/", deployments.edit, name="edit_deployment"),
        path("<str:name>/deployments/<str:deployment>/delete/", deployments.delete, name="delete_deployment"),
        path(
            "<str:name>/deployments/<str:deployment>/default/", deployments.make_default, name="make_default"
        ),
    ],
    "endpoints",
)
drafts_urls = ([path("<uuid:key>/discard/", drafts.discard, name="discard")], "drafts")
deployments_urls = (
    [
        path("new/", deployments.new, name="new"),
        path("drafts/<uuid:key>/compute/cluster/", deployments.new_cluster, name="new_cluster"),
        path("drafts/<uuid:key>/<str:step>/", deployments.step, name="step"),
    ],
    "deployments",
)
trials_urls = (
    [path("trials/new/", trials.new, name="new"), path("trials/<int:number>/", trials.detail, name="detail")],
    "trials",
)
jobs_urls: tuple[list[URLPattern | URLResolver], str] = (
    [
        path("", jobs.index, name="index"),
        path("new/", jobs.new, name="new"),
        path("-/cancel/", jobs.cancel_selected, name="cancel_selected"),
        path("-/delete/", jobs.delete_selected, name="delete_selected"),
        path("drafts/<uuid:key>/input/check/", jobs.check_input, name="check_input"),
        path("drafts/<uuid:key>/input/browse/", jobs.browse_input, name="browse_input"),
        path("drafts/<uuid:key>/", include(trials_urls)),
        path("drafts/<uuid:key>/<str:step>/", jobs.step, name="step"),
        path("<str:name>/", jobs.detail, name="detail"),
        path("<str:name>/cancel/", jobs.cancel, name="cancel"),
        path("<str:name>/rename/", jobs.rename, name="rename"),
        path("<str:name>/resubmit/", jobs.resubmit, name="resubmit"),
        path("<str:name>/retry/", jobs.retry, name="retry"),
        path("<str:name>/delete/", jobs.delete, name="delete"),
        path("<str:name>/json/", jobs.record, name="record"),
        path("<str:name>/yaml/", jobs.definition, name="definition"),
        path("<str:name>/logs/", jobs.log, name="log"),
        path("<str:name>/logs/download/", jobs.log_download, name="log_download"),
        path("<str:name>/metrics/", jobs.metrics, name="metrics"),
        path("<str:name>/metrics/download/", jobs.metrics_download, name="metrics_download"),
        path("<str:name>/minibatches/", jobs.minibatches, name="minibatches"),
        path("<str:name>/errors/", jobs.errors, name="errors"),
        path("<str:name>/files/", jobs.files, name="files"),
        path("<str:name>/files/download/", jobs.files_download, name="files_download"),
        path("<str:name>/outputs/", jobs.outputs, name="outputs"),
        path("<str:name>/outputs/preview/", jobs.preview, name="preview"),
        path("<str:name>/outputs/download/", jobs.download, name="download"),
    ],
    "jobs",
)
help_urls = (
    [
        path("", help_pages.index, name="index"),
        path("troubleshooting/", help_pages.troubleshooting, name="troubleshooting"),
        path("<slug:topic>/", help_pages.topic, name="topic"),
    ],
    "help",
)
ui_urls = ([path("theme/", ui.theme, name="theme")], "ui")
if settings.DEBUG:
    ui_urls[0].append(path("", ui.index, name="index"))

urlpatterns = [
    path("", home.index, name="home"),
    path("account/", include(account_urls)),
    path("account/tokens/", include(tokens_urls)),
    path("account/notifications/", include(notices_urls)),
    path("audit/", include(audit_urls)),
    path("people/", include(people_urls)),
    path("compute/", include(compute_urls)),
    path("data/", include(data_urls)),
    path("datastores/", include(datastores_urls)),
    path("uploads/", include(uploads_urls)),
    path("models/", include(models_urls)),
    path("endpoints/", include(endpoints_urls)),
    path("deployments/", include(deployments_urls)),
    path("drafts/", include(drafts_urls)),
    path("jobs/", include(jobs_urls)),
    path("help/", include(help_urls)),
    path("mlflow/", mlflow, {"path": ""}),
    path("mlflow/<path:path>", mlflow, name="mlflow"),
    path("ui/", include(ui_urls)),
    path("api/docs", docs.docs, name="api_docs"),
    path("api/openapi.json", docs.openapi, name="api_document"),
    path("api/", api.urls),
]
