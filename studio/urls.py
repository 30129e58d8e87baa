from django.conf import settings
from django.urls import include, path

from studio.pages import account, compute, data, deployments, endpoints, home, jobs, models, ui

handler500 = "studio.pages.errors.broken"

account_urls = [
    path("sign-in/", account.SignIn.as_view(), name="login"),
    path("sign-out/", account.SignOut.as_view(), name="logout"),
]
compute_urls = ([path("", compute.index, name="index")], "compute")
data_urls = (
    [
        path("", data.index, name="index"),
        path("-/new/", data.new, name="new"),
        path("<str:name>/", data.detail, name="detail"),
    ],
    "data",
)
models_urls = (
    [
        path("", models.index, name="index"),
        path("-/refresh/", models.refresh, name="refresh"),
        path("<str:name>/", models.detail, name="detail"),
        path("<str:name>/versions/<int:version>/", models.detail, name="version"),
    ],
    "models",
)
endpoints_urls = (
    [
        path("", endpoints.index, name="index"),
        path("<str:name>/", endpoints.detail, name="detail"),
        path("<str:name>/jobs/", endpoints.jobs, name="jobs"),
        path("<str:name>/default/", endpoints.update_default, name="update_default"),
        path("<str:name>/deployments/<str:deployment>/", deployments.detail, name="deployment"),
        path("<str:name>/deployments/<str:deployment>/retry/", deployments.retry, name="retry"),
    ],
    "endpoints",
)
deployments_urls = (
    [
        path("new/", deployments.new, name="new"),
        path("drafts/<uuid:key>/<str:step>/", deployments.step, name="step"),
    ],
    "deployments",
)
jobs_urls = (
    [
        path("", jobs.index, name="index"),
        path("new/", jobs.new, name="new"),
        path("drafts/<uuid:key>/input/check/", jobs.check_input, name="check_input"),
        path("drafts/<uuid:key>/<str:step>/", jobs.step, name="step"),
        path("<str:name>/", jobs.detail, name="detail"),
        path("<str:name>/cancel/", jobs.cancel, name="cancel"),
        path("<str:name>/outputs/", jobs.outputs, name="outputs"),
        path("<str:name>/outputs/preview/", jobs.preview, name="preview"),
        path("<str:name>/outputs/download/", jobs.download, name="download"),
    ],
    "jobs",
)
ui_urls = ([path("theme/", ui.theme, name="theme")], "ui")
if settings.DEBUG:
    ui_urls[0].append(path("", ui.index, name="index"))

urlpatterns = [
    path("", home.index, name="home"),
    path("account/", include(account_urls)),
    path("compute/", include(compute_urls)),
    path("data/", include(data_urls)),
    path("models/", include(models_urls)),
    path("endpoints/", include(endpoints_urls)),
    path("deployments/", include(deployments_urls)),
    path("jobs/", include(jobs_urls)),
    path("ui/", include(ui_urls)),
]
